// Generated from openapi.json by `npm run generate`. Do not edit.

export interface paths {
    "/api/shoal/v1/jobs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Whether jobs are held up, and how many there are. */
        get: operations["job_queue"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/shoal/v1/jobs/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** Remove a job. One that runs ends as soon as it looks; what it began is undone. */
        delete: operations["delete_job"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/shoal/v1/jobs/{id}/retry": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Try a job again at once that was given up, or waits for its next attempt. */
        post: operations["retry_job"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/shoal/v1/swarms/{uuid}/manifests/{rendition}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Manifests of a finished video's rendition (its index or its name), in order, each message with its length (u32, little-endian) before it.
         *     Fewer at the video's end; none for a segment that is not shared.
         */
        get: operations["manifests"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/shoal/v1/swarms/{uuid}/stripes/{rendition}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Stripes of a rendition (its index or its name), part by part as soon as each is there: for roots. A response without end, each message with its
         *     length (u32, little-endian) before it.
         */
        get: operations["stripes"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/shoal/v1/swarms/{uuid}/token": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** A token for the swarm of a running broadcast, or of a finished video. Any page may ask; for a video that is not open to everybody with an access token, as for its media. */
        get: operations["swarm_token"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/shoal/v1/videos/{id}/end": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** End the running broadcast at once: no grace. For its owner and moderators. */
        post: operations["end"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/shoal/v1/videos/{id}/live": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Where a live stands; for its owner also how the stream does. */
        get: operations["status"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/shoal/v1/videos/{id}/stream-key": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Replace the stream key. A broadcast that runs goes on; the old key is refused from then on. */
        post: operations["rotate_key"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/shoal/v1/videos/{id}/transcoding": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** How far the making of a video's files is. For its owner and moderators. */
        get: operations["progress"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/accounts": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Accounts of this instance. */
        get: operations["accounts"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/accounts/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One account. `name`: `name` or `name@host`. */
        get: operations["account"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/accounts/{name}/ratings": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What an account rated, last first; for whoever it is. */
        get: operations["account_ratings"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/accounts/{name}/video-channels": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** An account's channels. */
        get: operations["account_channels"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/accounts/{name}/videos": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** An account's public videos. */
        get: operations["account_videos"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/config": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What the instance offers, as PeerTube says it. */
        get: operations["config"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/config/about": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The instance in words. */
        get: operations["about"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/jobs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Jobs in any state, newest first. */
        get: operations["all_jobs"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/jobs/pause": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Begin no further job until `resume`, or the server's next start. Those that run go on. */
        post: operations["pause_jobs"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/jobs/resume": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Begin jobs again. */
        post: operations["resume_jobs"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/jobs/{state}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Jobs in one state, newest first: `active`, `completed`, `failed`, `waiting` (due) or `delayed` (not yet). */
        get: operations["jobs_in_state"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/metrics/playback": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** What a player reports every 15 s: what it got since the last time, by HTTP and from other viewers. */
        post: operations["playback_metrics"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/oauth-clients/local": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The OAuth client that pages and apps use. */
        get: operations["oauth_client"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/search/videos": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Videos whose title, or one of whose tags, contains `search`. */
        get: operations["search"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/server/stats": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Numbers of the instance; up to a minute old. */
        get: operations["stats"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/users": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** All users. For moderators. */
        get: operations["list_users"];
        put?: never;
        /** Add a user with an account and a channel. For moderators. */
        post: operations["create_user"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/users/ask-reset-password": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Ask for a letter with a link to choose a new password. */
        post: operations["ask_reset_password"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/users/ask-send-verify-email": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Ask once more for the letter that proves an address. */
        post: operations["ask_verify_email"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/users/me": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Whoever asks, with their channels. */
        get: operations["me"];
        /** Change oneself; what is not named stays. PeerTube's settings that mean nothing here are passed over. */
        put: operations["update_me"];
        post?: never;
        /** Delete oneself with everything: channels, videos, pictures, sessions. There is no way back. */
        delete: operations["delete_me"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/users/me/avatar": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** No picture for one's account. */
        delete: operations["delete_my_avatar"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/users/me/avatar/pick": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** A new picture for one's account. */
        post: operations["pick_my_avatar"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/users/me/history/videos": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What whoever asks watched, last first, each with `userHistory.currentTime`. */
        get: operations["my_history"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/users/me/history/videos/remove": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Forget what one watched: all of it, or what was before `beforeDate`. */
        post: operations["clear_history"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/users/me/history/videos/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** Forget that one watched a video. */
        delete: operations["delete_history_video"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/users/me/video-quota-used": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** How much of the quota is used. */
        get: operations["quota_used"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/users/me/videos": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** All videos of whoever asks, whatever their state. */
        get: operations["my_videos"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/users/me/videos/imports": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Imports of whoever asks, last first. */
        get: operations["my_imports"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/users/me/videos/{id}/rating": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What whoever asks thinks of a video. */
        get: operations["my_rating"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/users/register": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Become a user; where moderators answer, ask to become one. */
        post: operations["register"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/users/registrations": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** All registrations. For moderators. */
        get: operations["list_registrations"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/users/registrations/ask-send-verify-email": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Ask once more for the letter that proves a registration's address. */
        post: operations["ask_verify_registration_email"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/users/registrations/request": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Ask to become a user, with a reason. */
        post: operations["request_registration"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/users/registrations/{registrationId}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** Forget a registration: its names are free again. The user who came of it stays. For moderators. */
        delete: operations["delete_registration"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/users/registrations/{registrationId}/accept": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Make a user of a registration. For moderators. */
        post: operations["accept_registration"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/users/registrations/{registrationId}/reject": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Refuse a registration. For moderators. */
        post: operations["reject_registration"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/users/registrations/{registrationId}/verify-email": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Prove a registration's address. */
        post: operations["verify_registration_email"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/users/revoke-token": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Log out: the session of this token ends. */
        post: operations["revoke_token"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/users/token": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Log in (OAuth 2 password grant) or renew a session (refresh grant). */
        post: operations["token"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/users/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One user. For moderators. */
        get: operations["show_user"];
        /** Change a user: only the fields that are sent. Moderators change users, administrators everybody. */
        put: operations["update_user"];
        post?: never;
        /** Delete a user with everything: channels, videos, pictures. There is no way back. */
        delete: operations["delete_user"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/users/{id}/block": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Keep a user out: sessions and broadcasts end. For moderators. */
        post: operations["block_user"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/users/{id}/exports": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** A user's archives. */
        get: operations["list_exports"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/users/{id}/exports/request": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Ask for an archive of a user's data; a letter tells when it is ready. */
        post: operations["request_export"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/users/{id}/exports/{exportId}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** Delete an archive. */
        delete: operations["delete_export"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/users/{id}/reset-password": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Choose a new password; all sessions end. */
        post: operations["reset_password"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/users/{id}/token-sessions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** A user's sessions. For themselves and moderators. */
        get: operations["token_sessions"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/users/{id}/token-sessions/{tokenSessionId}/revoke": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** End a session. For its user and moderators. */
        post: operations["revoke_token_session"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/users/{id}/two-factor/confirm-request": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Confirm a second factor with its first code. */
        post: operations["confirm_two_factor"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/users/{id}/two-factor/disable": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Log in without a second factor again. */
        post: operations["disable_two_factor"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/users/{id}/two-factor/request": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Begin to set up a second factor. It counts once it is confirmed. */
        post: operations["request_two_factor"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/users/{id}/unblock": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Let a user in again. For moderators. */
        post: operations["unblock_user"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/users/{id}/verify-email": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Prove an address. */
        post: operations["verify_email"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/video-channels": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Channels of this instance. */
        get: operations["channels"];
        put?: never;
        /** Add a channel to whoever asks. */
        post: operations["create"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/video-channels/{handle}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One channel. `handle`: `name` or `name@host`. */
        get: operations["channel"];
        /** Change a channel: only the fields that are sent. For its owner and moderators. */
        put: operations["update_channel"];
        post?: never;
        /** Delete a channel with its videos; one is left to everybody. For its owner and moderators. */
        delete: operations["delete_channel"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/video-channels/{handle}/avatar": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** No picture for a channel. For its owner and moderators. */
        delete: operations["delete_channel_avatar"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/video-channels/{handle}/avatar/pick": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** A new picture for a channel. For its owner and moderators. */
        post: operations["pick_channel_avatar"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/video-channels/{handle}/banner": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** No wide picture for a channel. For its owner and moderators. */
        delete: operations["delete_channel_banner"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/video-channels/{handle}/banner/pick": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** A new wide picture for a channel. For its owner and moderators. */
        post: operations["pick_channel_banner"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/video-channels/{handle}/videos": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** A channel's public videos. */
        get: operations["channel_videos"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/videos": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** A page of what everybody may see. */
        get: operations["list"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/videos/categories": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Categories by id. */
        get: operations["categories"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/videos/imports": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Have a media file fetched: `targetUrl`, `channelId`, and what else describes the video. */
        post: operations["create_import"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/videos/imports/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** Delete an import that is over; a video that it never had a file for goes with it. */
        delete: operations["delete_import"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/videos/imports/{id}/cancel": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Stop an import that is not over. */
        post: operations["cancel_import"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/videos/imports/{id}/retry": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Try a failed import again. */
        post: operations["retry_import"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/videos/languages": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Languages by code. */
        get: operations["languages"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/videos/licences": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Licences by id. */
        get: operations["licences"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/videos/live": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Make a live. Multipart form or JSON; `channelId` and `name` are needed. */
        post: operations["create_live"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/videos/live/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** A live's settings; where to publish and the key only for its owner and moderators. */
        get: operations["live"];
        /** Change a live's settings: only the fields that are sent, and not while it runs. */
        put: operations["update_live"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/videos/live/{id}/sessions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** All broadcasts of a live. For its owner and moderators. */
        get: operations["sessions"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/videos/privacies": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Privacies by id. */
        get: operations["privacies"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/videos/upload": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Upload a video in one form: `videofile`, `channelId`, and what else describes it. Pictures: `thumbnailfile`, `previewfile`. */
        post: operations["upload"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/videos/upload-resumable": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /** Send a part (`Content-Range: bytes 0-999/5000`), or ask how much is there (`bytes *\/5000`). 308 with `Range` until all is there. */
        put: operations["upload_part"];
        /**
         * Say that a video is to come in parts: `X-Upload-Content-Length`, and a form (or JSON) with `filename`, `channelId` and what else
         *     describes it. `Location` is where its parts go. 200: some of it is there already.
         */
        post: operations["begin_upload"];
        /** Give an upload up. */
        delete: operations["cancel_upload"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/videos/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One video in full. `id`: row id, UUID or short UUID. */
        get: operations["details"];
        /** Change a video: only the fields that are sent, and its pictures (`thumbnailfile`, `previewfile`). For its owner and moderators. */
        put: operations["update"];
        post?: never;
        /** Delete a video; a running broadcast ends. For its owner and moderators. */
        delete: operations["delete"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/videos/{id}/captions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** A video's captions. */
        get: operations["captions"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/videos/{id}/captions/{captionLanguage}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /** Set a video's captions in one language: `captionfile`, WebVTT or SubRip. For its owner and moderators. */
        put: operations["put_captions"];
        post?: never;
        /** Delete a video's captions in one language. For its owner and moderators. */
        delete: operations["delete_captions"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/videos/{id}/chapters": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** A video's chapters. */
        get: operations["chapters"];
        /** Replace a video's chapters. For its owner and moderators. */
        put: operations["put_chapters"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/videos/{id}/description": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** A video's whole description. */
        get: operations["description"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/videos/{id}/hls": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** Delete a video's HLS presentation; plain files have to stay. For administrators. */
        delete: operations["delete_hls"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/videos/{id}/live-session": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The broadcast that this video is the recording of. */
        get: operations["session_of"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/videos/{id}/passwords": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** A video's passwords. For its owner and moderators. */
        get: operations["video_passwords"];
        /** Replace a video's passwords by `passwords`. For its owner and moderators. */
        put: operations["set_video_passwords"];
        /** Add a `password` to a video. For its owner and moderators. */
        post: operations["add_video_password"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/videos/{id}/passwords/{passwordId}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** Take a password of a video away; the last one stays. For its owner and moderators. */
        delete: operations["delete_video_password"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/videos/{id}/rate": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /** Rate a video that one may watch. */
        put: operations["rate"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/videos/{id}/source": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The file that a video was made from. For its owner and moderators. */
        get: operations["video_source"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/videos/{id}/source/file": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** Delete the file that a video was made from; what was made from it stays. For its owner and moderators. */
        delete: operations["delete_video_source"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/videos/{id}/source/replace-resumable": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /** Send a part of a video's other file. */
        put: operations["replacement_part"];
        /** Say that another file is to come for a video. For its owner and moderators. */
        post: operations["begin_replacement"];
        /** Give the replacement of a video's file up. */
        delete: operations["cancel_replacement"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/videos/{id}/stats/overall": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** How a video was watched in all. For its owner and moderators. */
        get: operations["video_stats_overall"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/videos/{id}/stats/retention": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** How many viewers saw each part of a video. For its owner and moderators. */
        get: operations["video_stats_retention"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/videos/{id}/stats/timeseries/{metric}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** How a video was watched over time. `metric`: `viewers`, or `aggregateWatchTime` in seconds. For its owner and moderators. */
        get: operations["video_stats_timeseries"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/videos/{id}/storyboards": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** A video's storyboards. */
        get: operations["storyboards"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/videos/{id}/token": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** A token for a video's media, for players that can only put it into addresses: for who is logged in, or has its password. */
        post: operations["video_token"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/videos/{id}/transcoding": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Make a video's files once more, of what was uploaded if that was kept, or else of its best file. For administrators; for its
         *     owner where it failed. `transcodingType` `hls` or `web-video`: both are made in either case. `forceTranscoding` even though it
         *     is being done.
         */
        post: operations["transcode"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/videos/{id}/views": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** A viewer is watching: sent every few seconds while playing. `currentTime` in seconds; `viewEvent` `seek` after a jump. */
        post: operations["view"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/videos/{id}/web-videos": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** Delete a video's plain files; its HLS presentation has to stay. For administrators. */
        delete: operations["delete_web_videos"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/videos/{id}/web-videos/{fileId}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** Delete one of a video's plain files. For administrators. */
        delete: operations["delete_web_video"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        /** @description Ids of an account. */
        AccountIdView: {
            /**
             * Format: int64
             * @description Row id.
             */
            id: number;
        };
        /** @description An account. */
        AccountView: {
            /** @description Pictures. */
            avatars: components["schemas"]["Image"][];
            /** @description When it was made. */
            createdAt: string;
            /** @description About them. */
            description?: string | null;
            /** @description As shown. */
            displayName: string;
            /**
             * Format: int64
             * @description Is followed by.
             */
            followersCount: number;
            /**
             * Format: int64
             * @description Follows.
             */
            followingCount: number;
            /** @description After the `@`. */
            host: string;
            /** @description Mirrors videos of that host. */
            hostRedundancyAllowed: boolean;
            /**
             * Format: int64
             * @description Row id.
             */
            id: number;
            /** @description Before the `@`. */
            name: string;
            /** @description When it last changed. */
            updatedAt: string;
            /** @description ActivityPub id. */
            url: string;
            /**
             * Format: int64
             * @description The user behind it; only local ones.
             */
            userId?: number | null;
        };
        /** @description An account or channel in short. */
        ActorSummary: {
            /** @description Pictures. */
            avatars: components["schemas"]["Image"][];
            /** @description As shown. */
            displayName: string;
            /** @description After the `@`. */
            host: string;
            /**
             * Format: int64
             * @description Row id.
             */
            id: number;
            /** @description Before the `@`. */
            name: string;
            /** @description ActivityPub id. */
            url: string;
        };
        /** @description Who asks for a letter. */
        AddressForm: {
            /** @description Where letters go. */
            email: string;
        };
        /** @description A hint for the streamer: a stable code for programs, words for people. */
        Advice: {
            /** @description Stable, for example `keyframe_interval_long`. */
            code: string;
            /** @description What is wrong and how to fix it. */
            text: string;
        };
        /** @description The answer to a registration. */
        AnswerForm: {
            /** @description What they are answered, 2 to 3000 characters. */
            moderationResponse: string;
            /** @description No letter. */
            preventEmailDelivery?: boolean | null;
        };
        /** @description A picture to be. */
        AvatarForm: {
            /**
             * Format: binary
             * @description JPEG, PNG or WebP, at most 4 MiB and 25 million pixels.
             */
            avatarfile: string;
        };
        /** @description Square pictures of an account or channel. */
        Avatars: {
            /** @description Largest first. */
            avatars: components["schemas"]["Image"][];
        };
        /** @description A picture to be. */
        BannerForm: {
            /**
             * Format: binary
             * @description JPEG, PNG or WebP, at most 4 MiB and 25 million pixels.
             */
            bannerfile: string;
        };
        /** @description Wide pictures of a channel. */
        Banners: {
            /** @description Largest first. */
            banners: components["schemas"]["Image"][];
        };
        /** @description Why somebody is kept out. */
        BlockForm: {
            /** @description At most 250 characters; they are told. */
            reason?: string | null;
        };
        /** @description Captions to be. */
        CaptionForm: {
            /**
             * Format: binary
             * @description WebVTT or SubRip.
             */
            captionfile: string;
        };
        /** @description Captions in one language. */
        CaptionView: {
            /** @description By a machine. */
            automaticallyGenerated: boolean;
            /** @description Where they are, on this server. */
            captionPath?: string | null;
            /** @description Where they are. */
            fileUrl: string;
            /** @description In which. */
            language: components["schemas"]["Labelled_String"];
            /** @description They are not in the playlists. */
            m3u8Url?: string | null;
            /** @description When they last changed. */
            updatedAt: string;
        };
        /** @description What can be changed of a channel. */
        ChannelChanges: {
            /** @description All its videos get the text about support. */
            bulkVideosSupportUpdate?: boolean | null;
            /** @description About it; null takes it away. */
            description?: string | null;
            /** @description As shown. */
            displayName?: string | null;
            /** @description How to support it; null takes it away. */
            support?: string | null;
        };
        /** @description A channel to be. */
        ChannelForm: {
            /** @description About it. */
            description?: string | null;
            /** @description As shown. */
            displayName: string;
            /** @description a-z, 0-9, ., _, - and : */
            name: string;
            /** @description How to support it. */
            support?: string | null;
        };
        /** @description A channel. */
        ChannelView: {
            /** @description Pictures. */
            avatars: components["schemas"]["Image"][];
            /** @description Wide pictures. */
            banners: components["schemas"]["Image"][];
            /** @description When it was made. */
            createdAt: string;
            /** @description About it. */
            description?: string | null;
            /** @description As shown. */
            displayName: string;
            /**
             * Format: int64
             * @description Is followed by.
             */
            followersCount: number;
            /**
             * Format: int64
             * @description Follows.
             */
            followingCount: number;
            /** @description After the `@`. */
            host: string;
            /** @description Mirrors videos of that host. */
            hostRedundancyAllowed: boolean;
            /**
             * Format: int64
             * @description Row id.
             */
            id: number;
            /** @description From this instance. */
            isLocal: boolean;
            /** @description Before the `@`. */
            name: string;
            ownerAccount?: null | components["schemas"]["AccountView"];
            /** @description How to support it. */
            support?: string | null;
            /** @description When it last changed. */
            updatedAt: string;
            /** @description ActivityPub id. */
            url: string;
        };
        /** @description Where something new begins. */
        ChapterView: {
            /**
             * Format: int64
             * @description In seconds from the beginning.
             */
            timecode: number;
            /** @description What begins. */
            title: string;
        };
        /** @description All chapters of a video. */
        ChaptersView: {
            /** @description In order. */
            chapters: components["schemas"]["ChapterView"][];
        };
        /** @description A first code, to be sure that the app works. */
        ConfirmForm: {
            /** @description From the app. */
            otpToken: string;
            /** @description From the request. */
            requestToken: string;
        };
        /** @description An answer that holds only a new video's ids. */
        Created: {
            /** @description The new video. */
            video: components["schemas"]["VideoIds"];
        };
        /** @description An answer that holds only a new channel's id. */
        CreatedChannel: {
            videoChannel: components["schemas"]["Id"];
        };
        /** @description An answer that holds only a new archive's id. */
        CreatedExport: {
            /** @description The new archive. */
            export: components["schemas"]["ExportIdView"];
        };
        /** @description An answer that holds only a new user's ids. */
        CreatedUser: {
            /** @description The new user. */
            user: components["schemas"]["UserIds"];
        };
        /** @description What an archive is to hold. */
        ExportForm: {
            /** @description The best file of each video too. */
            withVideoFiles?: boolean | null;
        };
        /** @description The id of an archive. */
        ExportIdView: {
            /**
             * Format: int64
             * @description Row id.
             */
            id: number;
        };
        /** @description An archive. */
        ExportView: {
            /** @description When it was asked for. */
            createdAt: string;
            /** @description Until when it can be fetched. */
            expiresOn: string;
            /**
             * Format: int64
             * @description Row id.
             */
            id: number;
            /** @description Where to fetch it, without logging in; null until it is complete. */
            privateDownloadUrl?: string | null;
            /**
             * Format: int64
             * @description In bytes.
             */
            size: number;
            /** @description 1 pending, 2 processing, 3 completed, 4 failed. */
            state: components["schemas"]["Labelled_i64"];
        };
        /** @description A file to play or download. */
        FileView: {
            /** @description To download. */
            fileDownloadUrl: string;
            /** @description To play. */
            fileUrl: string;
            /**
             * Format: int64
             * @description Frames per second; -1 unknown.
             */
            fps: number;
            /** @description Sound. */
            hasAudio: boolean;
            /** @description Pictures. */
            hasVideo: boolean;
            /**
             * Format: int64
             * @description In pixels.
             */
            height?: number | null;
            /**
             * Format: int64
             * @description Row id.
             */
            id: number;
            /** @description Leads to the torrent and to `fileUrl`; null where there is no torrent, and until a job has hashed the file. */
            magnetUri?: string | null;
            /** @description What ffprobe would say; not kept. */
            metadataUrl?: string | null;
            /** @description Lines; 0 is audio only. */
            resolution: components["schemas"]["Labelled_i64"];
            /**
             * Format: int64
             * @description In bytes.
             */
            size: number;
            /**
             * Format: int64
             * @description 0: on this server; 1: in object storage.
             */
            storage: number;
            /** @description The same, to save it. */
            torrentDownloadUrl?: string | null;
            /** @description A torrent that leads to `fileUrl`; none of what is in object storage or on another server. */
            torrentUrl?: string | null;
            /**
             * Format: int64
             * @description In pixels.
             */
            width?: number | null;
        };
        /** @description What opens a video's media. */
        FilesToken: {
            /** @description Until then. */
            expires: string;
            /** @description For `?videoFileToken=`. */
            token: string;
        };
        /** @description A first channel. */
        FirstChannelForm: {
            /** @description As shown. */
            displayName: string;
            /** @description a-z, 0-9, ., _, - and : */
            name: string;
        };
        /** @description The stream as it arrives, and what to change about it. */
        Health: {
            /** @description Most important first. */
            advice: components["schemas"]["Advice"][];
            /**
             * Format: int32
             * @description Frames by which decoding order runs ahead of presentation.
             */
            b_frames: number;
            /**
             * Format: int64
             * @description 1000 bits per second.
             */
            bitrate_kbps: number;
            /** @description RFC 6381, comma separated. */
            codecs: string;
            /**
             * Format: int64
             * @description Groups of frames that the server had to drop.
             */
            dropped_groups: number;
            /** @description What the encoder calls itself. */
            encoder?: string | null;
            /**
             * Format: double
             * @description Frames per second.
             */
            frame_rate: number;
            /**
             * Format: int32
             * @description Pixels.
             */
            height: number;
            /**
             * Format: int64
             * @description Times that pictures were missing while the sound went on.
             */
            holes: number;
            /**
             * Format: double
             * @description Seconds.
             */
            keyframe_interval_s: number;
            /** @description The disk is nearly full: the live goes on, its recording does not. */
            recording_stopped: boolean;
            swarm?: null | components["schemas"]["Sharing"];
            /**
             * Format: int32
             * @description Pixels; 0 without video, as all numbers of the picture.
             */
            width: number;
        };
        /** @description What to forget. */
        HistoryForm: {
            /** @description RFC 3339; all of it without. */
            beforeDate?: string | null;
        };
        /** @description The id of something new. */
        Id: {
            /**
             * Format: int64
             * @description Row id.
             */
            id: number;
        };
        /** @description A picture. */
        Image: {
            /** @description When it was made. */
            createdAt: string;
            /** @description Where it is. */
            fileUrl: string;
            /**
             * Format: int32
             * @description In pixels.
             */
            height: number;
            /** @description Where it is, without scheme and host; of remote ones the address. */
            path: string;
            /** @description The same: pictures are never changed, only replaced. */
            updatedAt: string;
            /**
             * Format: int32
             * @description In pixels.
             */
            width: number;
        };
        /** @description A video whose file is fetched. */
        ImportForm: components["schemas"]["VideoForm"] & {
            /**
             * Format: int64
             * @description Where it belongs.
             */
            channelId: number;
            /**
             * Format: binary
             * @description JPEG, PNG or WebP.
             */
            previewfile?: string | null;
            /** @description Where the file is: http or https. */
            targetUrl: string;
            /**
             * Format: binary
             * @description JPEG, PNG or WebP.
             */
            thumbnailfile?: string | null;
        };
        /** @description An import. */
        ImportView: {
            /** @description When it was begun. */
            createdAt: string;
            /** @description Why it failed. */
            error?: string | null;
            /**
             * Format: int64
             * @description Row id.
             */
            id: number;
            /** @description Torrents are not imported. */
            magnetUri?: string | null;
            /** @description 1 pending, 2 success, 3 failed, 5 cancelled, 6 processing. */
            state: components["schemas"]["Labelled_i64"];
            /** @description Where the file is. */
            targetUrl: string;
            /** @description Torrents are not imported. */
            torrentName?: string | null;
            /** @description When it last changed. */
            updatedAt: string;
            video?: null | components["schemas"]["VideoSummary"];
            /** @description Channels are not synchronised. */
            videoChannelSync?: Record<string, never> | null;
        };
        /** @description A job. */
        JobView: {
            /**
             * Format: int64
             * @description Shoal's own: how often it was tried.
             */
            attempts: number;
            /** @description When it was added. */
            createdAt: string;
            /** @description What it is about. */
            data: Record<string, never>;
            /** @description Why it did not work the last time, or what it waits for. */
            error?: string | null;
            /** @description When it was done, or given up. */
            finishedOn?: string | null;
            /** @description Row id. */
            id: string;
            /** @description When it last began. */
            processedOn?: string | null;
            /**
             * Format: int64
             * @description Percent.
             */
            progress: number;
            /** @description `active`, `completed`, `failed`, `waiting` or `delayed`. */
            state: string;
            /** @description Its kind. */
            type: string;
        };
        /**
         * @description What kind of video it is.
         * @enum {string}
         */
        Kind: "live" | "vod";
        /** @description A value with its name; `id` null is "Unknown". */
        Labelled_Option_String: {
            id: null | string;
            /** @description Its name. */
            label: string;
        };
        /** @description A value with its name; `id` null is "Unknown". */
        Labelled_Option_i64: {
            id: null | number;
            /** @description Its name. */
            label: string;
        };
        /** @description A value with its name; `id` null is "Unknown". */
        Labelled_String: {
            id: string;
            /** @description Its name. */
            label: string;
        };
        /** @description A value with its name; `id` null is "Unknown". */
        Labelled_i64: {
            /** Format: int64 */
            id: number;
            /** @description Its name. */
            label: string;
        };
        /** @description A page of a list. */
        List_AccountView: {
            /** @description These. */
            data: {
                /** @description Pictures. */
                avatars: components["schemas"]["Image"][];
                /** @description When it was made. */
                createdAt: string;
                /** @description About them. */
                description?: string | null;
                /** @description As shown. */
                displayName: string;
                /**
                 * Format: int64
                 * @description Is followed by.
                 */
                followersCount: number;
                /**
                 * Format: int64
                 * @description Follows.
                 */
                followingCount: number;
                /** @description After the `@`. */
                host: string;
                /** @description Mirrors videos of that host. */
                hostRedundancyAllowed: boolean;
                /**
                 * Format: int64
                 * @description Row id.
                 */
                id: number;
                /** @description Before the `@`. */
                name: string;
                /** @description When it last changed. */
                updatedAt: string;
                /** @description ActivityPub id. */
                url: string;
                /**
                 * Format: int64
                 * @description The user behind it; only local ones.
                 */
                userId?: number | null;
            }[];
            /**
             * Format: int64
             * @description How many there are in all.
             */
            total: number;
        };
        /** @description A page of a list. */
        List_CaptionView: {
            /** @description These. */
            data: {
                /** @description By a machine. */
                automaticallyGenerated: boolean;
                /** @description Where they are, on this server. */
                captionPath?: string | null;
                /** @description Where they are. */
                fileUrl: string;
                /** @description In which. */
                language: components["schemas"]["Labelled_String"];
                /** @description They are not in the playlists. */
                m3u8Url?: string | null;
                /** @description When they last changed. */
                updatedAt: string;
            }[];
            /**
             * Format: int64
             * @description How many there are in all.
             */
            total: number;
        };
        /** @description A page of a list. */
        List_ChannelView: {
            /** @description These. */
            data: {
                /** @description Pictures. */
                avatars: components["schemas"]["Image"][];
                /** @description Wide pictures. */
                banners: components["schemas"]["Image"][];
                /** @description When it was made. */
                createdAt: string;
                /** @description About it. */
                description?: string | null;
                /** @description As shown. */
                displayName: string;
                /**
                 * Format: int64
                 * @description Is followed by.
                 */
                followersCount: number;
                /**
                 * Format: int64
                 * @description Follows.
                 */
                followingCount: number;
                /** @description After the `@`. */
                host: string;
                /** @description Mirrors videos of that host. */
                hostRedundancyAllowed: boolean;
                /**
                 * Format: int64
                 * @description Row id.
                 */
                id: number;
                /** @description From this instance. */
                isLocal: boolean;
                /** @description Before the `@`. */
                name: string;
                ownerAccount?: null | components["schemas"]["AccountView"];
                /** @description How to support it. */
                support?: string | null;
                /** @description When it last changed. */
                updatedAt: string;
                /** @description ActivityPub id. */
                url: string;
            }[];
            /**
             * Format: int64
             * @description How many there are in all.
             */
            total: number;
        };
        /** @description A page of a list. */
        List_ExportView: {
            /** @description These. */
            data: {
                /** @description When it was asked for. */
                createdAt: string;
                /** @description Until when it can be fetched. */
                expiresOn: string;
                /**
                 * Format: int64
                 * @description Row id.
                 */
                id: number;
                /** @description Where to fetch it, without logging in; null until it is complete. */
                privateDownloadUrl?: string | null;
                /**
                 * Format: int64
                 * @description In bytes.
                 */
                size: number;
                /** @description 1 pending, 2 processing, 3 completed, 4 failed. */
                state: components["schemas"]["Labelled_i64"];
            }[];
            /**
             * Format: int64
             * @description How many there are in all.
             */
            total: number;
        };
        /** @description A page of a list. */
        List_ImportView: {
            /** @description These. */
            data: {
                /** @description When it was begun. */
                createdAt: string;
                /** @description Why it failed. */
                error?: string | null;
                /**
                 * Format: int64
                 * @description Row id.
                 */
                id: number;
                /** @description Torrents are not imported. */
                magnetUri?: string | null;
                /** @description 1 pending, 2 success, 3 failed, 5 cancelled, 6 processing. */
                state: components["schemas"]["Labelled_i64"];
                /** @description Where the file is. */
                targetUrl: string;
                /** @description Torrents are not imported. */
                torrentName?: string | null;
                /** @description When it last changed. */
                updatedAt: string;
                video?: null | components["schemas"]["VideoSummary"];
                /** @description Channels are not synchronised. */
                videoChannelSync?: Record<string, never> | null;
            }[];
            /**
             * Format: int64
             * @description How many there are in all.
             */
            total: number;
        };
        /** @description A page of a list. */
        List_JobView: {
            /** @description These. */
            data: {
                /**
                 * Format: int64
                 * @description Shoal's own: how often it was tried.
                 */
                attempts: number;
                /** @description When it was added. */
                createdAt: string;
                /** @description What it is about. */
                data: Record<string, never>;
                /** @description Why it did not work the last time, or what it waits for. */
                error?: string | null;
                /** @description When it was done, or given up. */
                finishedOn?: string | null;
                /** @description Row id. */
                id: string;
                /** @description When it last began. */
                processedOn?: string | null;
                /**
                 * Format: int64
                 * @description Percent.
                 */
                progress: number;
                /** @description `active`, `completed`, `failed`, `waiting` or `delayed`. */
                state: string;
                /** @description Its kind. */
                type: string;
            }[];
            /**
             * Format: int64
             * @description How many there are in all.
             */
            total: number;
        };
        /** @description A page of a list. */
        List_PasswordView: {
            /** @description These. */
            data: {
                /** @description When it was made. */
                createdAt: string;
                /**
                 * Format: int64
                 * @description Row id.
                 */
                id: number;
                /** @description What opens the video. */
                password: string;
                /** @description When it last changed. */
                updatedAt: string;
                /**
                 * Format: int64
                 * @description The video's row id.
                 */
                videoId: number;
            }[];
            /**
             * Format: int64
             * @description How many there are in all.
             */
            total: number;
        };
        /** @description A page of a list. */
        List_Rated: {
            /** @description These. */
            data: {
                /** @description `like` or `dislike` */
                rating: string;
                /** @description Which. */
                video: components["schemas"]["VideoSummary"];
            }[];
            /**
             * Format: int64
             * @description How many there are in all.
             */
            total: number;
        };
        /** @description A page of a list. */
        List_RegistrationView: {
            /** @description These. */
            data: {
                /** @description Of the account, as shown. */
                accountDisplayName?: string | null;
                /** @description The first channel's name as shown. */
                channelDisplayName?: string | null;
                /** @description The first channel's name. */
                channelHandle?: string | null;
                /** @description When they asked. */
                createdAt: string;
                /** @description Where letters go. */
                email: string;
                /** @description Whether the address is proven; null: nobody asked for a proof. */
                emailVerified?: boolean | null;
                /**
                 * Format: int64
                 * @description Row id.
                 */
                id: number;
                /** @description What they were answered. */
                moderationResponse?: string | null;
                /** @description Why they would like to join. */
                registrationReason: string;
                /** @description 1 pending, 2 rejected, 3 accepted. */
                state: components["schemas"]["Labelled_i64"];
                /** @description When it last changed. */
                updatedAt: string;
                user?: null | components["schemas"]["UserIdView"];
                /** @description The login name they chose. */
                username: string;
            }[];
            /**
             * Format: int64
             * @description How many there are in all.
             */
            total: number;
        };
        /** @description A page of a list. */
        List_SessionView: {
            /** @description These. */
            data: {
                /** @description When it ended; null while it runs. */
                endDate?: string | null;
                /** @description The replay is there, or there will be none. */
                endingProcessed: boolean;
                /**
                 * Format: int64
                 * @description PeerTube's number of what went wrong.
                 */
                error?: number | null;
                /**
                 * Format: int64
                 * @description Row id.
                 */
                id: number;
                replayVideo?: null | components["schemas"]["VideoIds"];
                /** @description Whether it was to be kept. */
                saveReplay: boolean;
                /** @description When the publisher came. */
                startDate: string;
            }[];
            /**
             * Format: int64
             * @description How many there are in all.
             */
            total: number;
        };
        /** @description A page of a list. */
        List_TokenSession: {
            /** @description These. */
            data: {
                /** @description When its tokens were made. */
                createdAt: string;
                /** @description The one that asks. */
                currentSession: boolean;
                /**
                 * Format: int64
                 * @description Row id.
                 */
                id: number;
                /** @description When, within some minutes. */
                lastActivityDate?: string | null;
                /** @description What the program called itself that was seen last. */
                lastActivityDevice?: string | null;
                /** @description Where from. */
                lastActivityIP?: string | null;
                /** @description When. */
                loginDate?: string | null;
                /** @description What the program called itself that logged in. */
                loginDevice?: string | null;
                /** @description Where from. */
                loginIP?: string | null;
            }[];
            /**
             * Format: int64
             * @description How many there are in all.
             */
            total: number;
        };
        /** @description A page of a list. */
        List_UserView: {
            /** @description These. */
            data: {
                /** @description Their account. */
                account: components["schemas"]["AccountView"];
                /**
                 * Format: int64
                 * @description 1: their videos need no review.
                 */
                adminFlags: number;
                /** @description Then play what is suggested. */
                autoPlayNextVideo: boolean;
                /** @description Then play what comes next in the playlist. */
                autoPlayNextVideoPlaylist: boolean;
                /** @description Play when a page opens. */
                autoPlayVideo: boolean;
                /** @description Kept out. */
                blocked: boolean;
                /** @description Why. */
                blockedReason?: string | null;
                /** @description When they were added. */
                createdAt: string;
                /** @description May be empty. */
                email: string;
                /** @description Others may see the address. */
                emailPublic: boolean;
                /** @description Whether the address is proven; null: nobody asked for a proof. */
                emailVerified?: boolean | null;
                /**
                 * Format: int64
                 * @description Row id.
                 */
                id: number;
                /** @description Of the pages and letters. */
                language?: string | null;
                /** @description When they last logged in. */
                lastLoginDate?: string | null;
                /** @description Do not tell again what the account lacks. */
                noAccountSetupWarningModal: boolean;
                /** @description Do not tell again what the instance lacks. */
                noInstanceConfigWarningModal: boolean;
                /** @description Do not welcome again. */
                noWelcomeModal: boolean;
                /** @description How they are told of what; only for themselves. */
                notificationSettings?: Record<string, never> | null;
                /** @description What to do with videos not safe for work. */
                nsfwPolicy: string;
                /** @description Their pages share videos with other viewers. */
                p2pEnabled: boolean;
                /** @description What `email` is to be once it is proven. */
                pendingEmail?: string | null;
                /** @description No plugin lets anybody in. */
                pluginAuth?: string | null;
                /** @description What they may do. */
                role: components["schemas"]["Labelled_i64"];
                /** @description Playlists that everybody has; only for themselves. */
                specialPlaylists?: Record<string, never>[] | null;
                /** @description Of the pages. */
                theme: string;
                /** @description They are asked for a code at each login. */
                twoFactorEnabled: boolean;
                /** @description Login name. */
                username: string;
                /** @description Their channels; only for themselves. */
                videoChannels: components["schemas"]["ChannelView"][];
                /** @description Only show videos in these languages; null: all. */
                videoLanguages?: string[] | null;
                /**
                 * Format: int64
                 * @description Bytes of video in all; -1: no limit.
                 */
                videoQuota: number;
                /**
                 * Format: int64
                 * @description Bytes of video within 24 hours; -1: no limit.
                 */
                videoQuotaDaily: number;
                /**
                 * Format: int64
                 * @description Bytes of video there are; only for moderators.
                 */
                videoQuotaUsed?: number | null;
                /**
                 * Format: int64
                 * @description Bytes of video added within 24 hours; only for moderators.
                 */
                videoQuotaUsedDaily?: number | null;
                /**
                 * Format: int64
                 * @description Videos there are; only when asked for.
                 */
                videosCount?: number | null;
                /** @description Keep what was watched. */
                videosHistoryEnabled: boolean;
            }[];
            /**
             * Format: int64
             * @description How many there are in all.
             */
            total: number;
        };
        /** @description A page of a list. */
        List_VideoSummary: {
            /** @description These. */
            data: {
                /** @description Whose. */
                account: components["schemas"]["ActorSummary"];
                /**
                 * Format: double
                 * @description Width over height.
                 */
                aspectRatio?: number | null;
                /** @description Taken down; in lists only for the owner. */
                blacklisted?: boolean | null;
                /** @description Why; in lists only for the owner. */
                blacklistedReason?: string | null;
                /** @description What it is about. */
                category: components["schemas"]["Labelled_Option_i64"];
                /** @description Where. */
                channel: components["schemas"]["ActorSummary"];
                /** @description When it was made. */
                createdAt: string;
                /** @description Markdown; lists have the first 250 characters. */
                description?: string | null;
                /**
                 * Format: int64
                 * @description Dislikes.
                 */
                dislikes: number;
                /**
                 * Format: int64
                 * @description In seconds; 0 for a live.
                 */
                duration: number;
                /** @description For iframes. */
                embedPath: string;
                /**
                 * Format: int64
                 * @description Row id.
                 */
                id: number;
                /** @description A live, also while it waits. */
                isLive: boolean;
                /** @description From this instance. */
                isLocal: boolean;
                /** @description What is spoken. */
                language: components["schemas"]["Labelled_Option_String"];
                /** @description What may be done with it. */
                licence: components["schemas"]["Labelled_Option_i64"];
                /**
                 * Format: int64
                 * @description Likes.
                 */
                likes: number;
                /** @description Title. */
                name: string;
                /** @description Not safe for work. */
                nsfw: boolean;
                /** @description When it first appeared elsewhere. */
                originallyPublishedAt?: string | null;
                /** @description Large picture. */
                previewPath?: string | null;
                /** @description Who may see it. */
                privacy: components["schemas"]["Labelled_i64"];
                /** @description When it was published; a live: when its last session began. */
                publishedAt: string;
                scheduledUpdate?: null | components["schemas"]["ScheduledUpdate"];
                /** @description Its short form. */
                shortUUID: string;
                state?: null | components["schemas"]["Labelled_i64"];
                /** @description Small picture. */
                thumbnailPath?: string | null;
                /** @description The first 250 characters of the description. */
                truncatedDescription?: string | null;
                /** @description When it last changed. */
                updatedAt: string;
                /** @description ActivityPub id. */
                url: string;
                userHistory?: null | components["schemas"]["UserHistory"];
                /** @description Public id. */
                uuid: string;
                /**
                 * Format: int64
                 * @description Watching now.
                 */
                viewers: number;
                /**
                 * Format: int64
                 * @description Counted views.
                 */
                views: number;
                /** @description Published only once transcoded; in lists only for the owner. */
                waitTranscoding?: boolean | null;
            }[];
            /**
             * Format: int64
             * @description How many there are in all.
             */
            total: number;
        };
        /** @description A live to be. */
        LiveForm: components["schemas"]["LiveSettingsForm"] & components["schemas"]["VideoForm"] & {
            /**
             * Format: int64
             * @description Where it belongs.
             */
            channelId: number;
            /** @description Title, 3 to 120 characters. */
            name: string;
        };
        /** @description A live's settings. */
        LiveSettingsForm: {
            /**
             * Format: int64
             * @description 1 default, 2 high, 3 small.
             */
            latencyMode?: number | null;
            /** @description The address survives a session. */
            permanentLive?: boolean | null;
            replaySettings?: null | components["schemas"]["ReplaySettingsForm"];
            /** @description Keep what is broadcast. */
            saveReplay?: boolean | null;
        };
        /** @description A live at this moment. */
        LiveStatus: {
            health?: null | components["schemas"]["Health"];
            /** @description When its session began; null when none runs. */
            started_at?: string | null;
            /** @description Where it stands. */
            state: components["schemas"]["State"];
            /**
             * Format: int64
             * @description Watching now.
             */
            viewers: number;
        };
        /** @description The live side of a video; address and key only for its owner and moderators. */
        LiveView: {
            /**
             * Format: int64
             * @description 1 default, 2 high, 3 small.
             */
            latencyMode: number;
            /** @description The address survives a session. */
            permanentLive: boolean;
            replaySettings?: null | components["schemas"]["ReplaySettings"];
            /** @description Where to publish. */
            rtmpUrl?: string | null;
            /** @description The same with TLS; null when that is off. */
            rtmpsUrl?: string | null;
            /** @description Keep what was broadcast. */
            saveReplay: boolean;
            /** @description The publisher's secret. */
            streamKey?: string | null;
        };
        /** @description What can be changed. */
        MeForm: {
            /** @description Then play what is suggested. */
            autoPlayNextVideo?: boolean | null;
            /** @description Then play what comes next in the playlist. */
            autoPlayNextVideoPlaylist?: boolean | null;
            /** @description Play when a page opens. */
            autoPlayVideo?: boolean | null;
            /** @description Needed for a new password or address. */
            currentPassword?: string | null;
            /** @description About them; null takes it away. */
            description?: string | null;
            /** @description The account's name as shown. */
            displayName?: string | null;
            /** @description A new address; where addresses are proven, it counts once it is. */
            email?: string | null;
            /** @description Others may see the address. */
            emailPublic?: boolean | null;
            /** @description Of the pages and letters. */
            language?: string | null;
            /** @description Do not tell again what the account lacks. */
            noAccountSetupWarningModal?: boolean | null;
            /** @description Do not tell again what the instance lacks. */
            noInstanceConfigWarningModal?: boolean | null;
            /** @description Do not welcome again. */
            noWelcomeModal?: boolean | null;
            /** @description `display`, `blur`, `warn` or `do_not_list`. */
            nsfwPolicy?: string | null;
            /** @description Their pages share videos with other viewers, unless they choose otherwise there. */
            p2pEnabled?: boolean | null;
            /** @description 6 to 255 characters; all other sessions end. */
            password?: string | null;
            /** @description Of the pages. */
            theme?: string | null;
            /** @description Only show videos in these languages; null: all. */
            videoLanguages?: string[] | null;
            /** @description Keep what was watched. */
            videosHistoryEnabled?: boolean | null;
        };
        /** @description The new secret. */
        NewKey: {
            /** @description Publish with it from now on. */
            streamKey: string;
        };
        /** @description A new user. */
        NewUserForm: {
            /**
             * Format: int64
             * @description 1: their videos need no review.
             */
            adminFlags?: number | null;
            /** @description The first channel's name. */
            channelName?: string | null;
            /** @description Where letters go. */
            email: string;
            /** @description 6 to 255 characters; empty: they choose it by a link in a letter. */
            password?: string | null;
            /**
             * Format: int64
             * @description 0 administrator, 1 moderator, 2 user; only administrators make others than users.
             */
            role: number;
            /** @description a-z, 0-9, . and _ */
            username: string;
            /**
             * Format: int64
             * @description Bytes of video in all; -1: no limit.
             */
            videoQuota?: number | null;
            /**
             * Format: int64
             * @description Bytes of video within 24 hours; -1: no limit.
             */
            videoQuotaDaily?: number | null;
        };
        /** @description The public OAuth client. */
        OAuthClient: {
            /** @description Not a secret: every page uses it. */
            client_id: string;
            /** @description Not a secret: every page uses it. */
            client_secret: string;
        };
        /** @description What is needed to set up an app. */
        OtpRequest: {
            /** @description To confirm with. */
            requestToken: string;
            /** @description For apps that take it typed. */
            secret: string;
            /** @description For apps that read it from a QR code. */
            uri: string;
        };
        /** @description An answer that holds only that. */
        OtpRequested: {
            /** @description What is needed to set up an app. */
            otpRequest: components["schemas"]["OtpRequest"];
        };
        /** @description Sums over a time. */
        OverallView: {
            /**
             * Format: int64
             * @description Of one viewer, in seconds.
             */
            averageWatchTime: number;
            /** @description Where they are is not looked up. */
            countries: Record<string, never>[];
            /**
             * Format: int64
             * @description Shoal's own: what players say that they got from this server, in bytes.
             */
            httpBytes: number;
            /**
             * Format: int64
             * @description Shoal's own: what players say that they got from each other, in bytes.
             */
            p2pBytes: number;
            /** @description Where they are is not looked up. */
            subdivisions: Record<string, never>[];
            /**
             * Format: int64
             * @description Different viewers.
             */
            totalViewers: number;
            /**
             * Format: int64
             * @description Of all, in seconds.
             */
            totalWatchTime: number;
            /**
             * Format: int64
             * @description Most viewers at once.
             */
            viewersPeak: number;
            /** @description When that was. */
            viewersPeakDate?: string | null;
        };
        /** @description A password to be sure. */
        PasswordForm: {
            /** @description Of whoever asks; moderators need none for others. */
            currentPassword?: string | null;
        };
        /** @description A password of a video, as its owner sees it. */
        PasswordView: {
            /** @description When it was made. */
            createdAt: string;
            /**
             * Format: int64
             * @description Row id.
             */
            id: number;
            /** @description What opens the video. */
            password: string;
            /** @description When it last changed. */
            updatedAt: string;
            /**
             * Format: int64
             * @description The video's row id.
             */
            videoId: number;
        };
        /** @description What a player got. */
        PlaybackForm: {
            /**
             * Format: int64
             * @description Bytes from the server.
             */
            downloadedBytesHTTP?: number | null;
            /**
             * Format: int64
             * @description Bytes from other viewers.
             */
            downloadedBytesP2P?: number | null;
            /** @description Row id, UUID or short UUID. */
            videoId: string;
        };
        /** @description An HLS presentation. */
        PlaylistView: {
            /** @description Whole files. */
            files: components["schemas"]["FileView"][];
            /**
             * Format: int64
             * @description Row id.
             */
            id: number;
            /** @description Multivariant playlist. */
            playlistUrl: string;
            /** @description Mirrors. */
            redundancies: Record<string, never>[];
            /** @description Hashes of its segments. */
            segmentsSha256Url?: string | null;
            /**
             * Format: int64
             * @description 1: HLS.
             */
            type: number;
        };
        /** @description A point of a series. */
        Point: {
            /** @description When its interval begins. */
            date: string;
            /**
             * Format: int64
             * @description Viewers, or seconds.
             */
            value: number;
        };
        /**
         * @description Whether pages share the stream with each other.
         * @enum {string}
         */
        Policy: "on" | "opt-in" | "off";
        /** @description The body of every failure. */
        ProblemBody: {
            /** @description PeerTube's code, where it has one. */
            code?: string | null;
            /** @description What went wrong. */
            detail: string;
            /** @description The same as `detail`. */
            error: string;
            /**
             * Format: int32
             * @description As in the status line.
             */
            status: number;
            /** @description The status in words. */
            title: string;
            /** @description Stable; `about:blank` when the status says it all. */
            type: string;
        };
        /** @description How far the making of a video's files is. */
        Progress: {
            /** @description What went wrong, or what it waits for. */
            error?: string | null;
            /**
             * Format: int64
             * @description Percent.
             */
            progress: number;
            /** @description `none`, `waiting`, `active`, `completed` or `failed`. */
            state: string;
        };
        /** @description The queue as a whole. */
        Queue: {
            /**
             * Format: int64
             * @description Running.
             */
            active: number;
            /**
             * Format: int64
             * @description Given up.
             */
            failed: number;
            /** @description No job begins. */
            paused: boolean;
            /**
             * Format: int64
             * @description To be run, now or later.
             */
            waiting: number;
        };
        /** @description How much somebody has here. */
        QuotaUsed: {
            /**
             * Format: int64
             * @description Bytes of video in all.
             */
            videoQuotaUsed: number;
            /**
             * Format: int64
             * @description Bytes of video added within 24 hours.
             */
            videoQuotaUsedDaily: number;
        };
        /** @description A video and what was thought of it. */
        Rated: {
            /** @description `like` or `dislike` */
            rating: string;
            /** @description Which. */
            video: components["schemas"]["VideoSummary"];
        };
        /** @description What somebody thinks. */
        RatingForm: {
            /** @description `like`, `dislike` or `none` */
            rating: string;
        };
        /** @description What whoever asks thinks of a video. */
        RatingView: {
            /**
             * Format: int64
             * @description The video's row id.
             */
            id: number;
            /** @description `like`, `dislike` or `none` */
            rating: string;
            /**
             * Format: int64
             * @description The same.
             */
            videoId: number;
        };
        /** @description Somebody who would like to have an account. */
        RegisterForm: {
            channel?: null | components["schemas"]["FirstChannelForm"];
            /** @description The account's name as shown. */
            displayName?: string | null;
            /** @description Where letters go. */
            email: string;
            /** @description 6 to 255 characters. */
            password: string;
            /** @description Why they would like to join; needed where moderators answer. */
            registrationReason?: string | null;
            /** @description a-z, 0-9, . and _ */
            username: string;
        };
        /** @description Where a registration stands. */
        RegistrationStateView: {
            /** @description 1 pending, 3 accepted. */
            state: components["schemas"]["Labelled_i64"];
        };
        /** @description A registration, for moderators. */
        RegistrationView: {
            /** @description Of the account, as shown. */
            accountDisplayName?: string | null;
            /** @description The first channel's name as shown. */
            channelDisplayName?: string | null;
            /** @description The first channel's name. */
            channelHandle?: string | null;
            /** @description When they asked. */
            createdAt: string;
            /** @description Where letters go. */
            email: string;
            /** @description Whether the address is proven; null: nobody asked for a proof. */
            emailVerified?: boolean | null;
            /**
             * Format: int64
             * @description Row id.
             */
            id: number;
            /** @description What they were answered. */
            moderationResponse?: string | null;
            /** @description Why they would like to join. */
            registrationReason: string;
            /** @description 1 pending, 2 rejected, 3 accepted. */
            state: components["schemas"]["Labelled_i64"];
            /** @description When it last changed. */
            updatedAt: string;
            user?: null | components["schemas"]["UserIdView"];
            /** @description The login name they chose. */
            username: string;
        };
        /** @description Another file for a video, which comes in parts. */
        ReplacementForm: {
            /** @description What the file is called; its end says of which kind it is. */
            filename: string;
        };
        /** @description What happens to the recordings of a live. */
        ReplaySettings: {
            /** @description Who may see them. */
            privacy: components["schemas"]["Labelled_i64"];
        };
        /** @description What happens to the recordings of a live. */
        ReplaySettingsForm: {
            /**
             * Format: int64
             * @description Who may see them, as a video's privacy.
             */
            privacy: number;
        };
        /** @description A new password with what a letter's link carries. */
        ResetForm: {
            /** @description 6 to 255 characters. */
            password: string;
            /** @description From the link. */
            verificationString: string;
        };
        /** @description A video whose file comes in parts. */
        ResumableForm: components["schemas"]["VideoForm"] & {
            /**
             * Format: int64
             * @description Where it belongs.
             */
            channelId: number;
            /** @description What the file is called; its end says of which kind it is. */
            filename: string;
        };
        /** @description How many were still there. */
        Retained: {
            /**
             * Format: double
             * @description Of all its viewers.
             */
            retentionPercent: number;
            /**
             * Format: int64
             * @description At this second of the video.
             */
            second: number;
        };
        /** @description How many saw what of a video. */
        RetentionView: {
            /** @description In order. */
            data: components["schemas"]["Retained"][];
        };
        /** @description A change of privacy to come. */
        ScheduleForm: {
            /**
             * Format: int64
             * @description 1, 2 or 4; 1 unless it says so.
             */
            privacy?: number | null;
            /** @description RFC 3339. */
            updateAt: string;
        };
        /** @description A change of privacy to come. */
        ScheduledUpdate: {
            /**
             * Format: int64
             * @description To this.
             */
            privacy: number;
            /** @description When. */
            updateAt: string;
        };
        /** @description What happened over time. */
        SeriesView: {
            /** @description In order, without gaps. */
            data: components["schemas"]["Point"][];
            /** @description In words. */
            groupInterval: string;
        };
        /** @description One broadcast of a live. */
        SessionView: {
            /** @description When it ended; null while it runs. */
            endDate?: string | null;
            /** @description The replay is there, or there will be none. */
            endingProcessed: boolean;
            /**
             * Format: int64
             * @description PeerTube's number of what went wrong.
             */
            error?: number | null;
            /**
             * Format: int64
             * @description Row id.
             */
            id: number;
            replayVideo?: null | components["schemas"]["VideoIds"];
            /** @description Whether it was to be kept. */
            saveReplay: boolean;
            /** @description When the publisher came. */
            startDate: string;
        };
        /** @description How viewers share a broadcast, in sums since it began (or the server did). */
        Sharing: {
            /**
             * Format: int64
             * @description Media bytes that they took from this server.
             */
            http_bytes: number;
            /**
             * Format: double
             * @description The share of the latter, 0 to 1.
             */
            offload: number;
            /**
             * Format: int64
             * @description Media bytes that they took from each other.
             */
            p2p_bytes: number;
            /**
             * Format: int64
             * @description In the swarm now.
             */
            peers: number;
        };
        /** @description The file that a video was made from. */
        SourceView: {
            /** @description When it came. */
            createdAt: string;
            /** @description It is not served. */
            fileDownloadUrl?: string | null;
            /** @description It is not served. */
            fileUrl?: string | null;
            /** @description As whoever sent it called it. */
            filename: string;
            /**
             * Format: int64
             * @description Frames per second.
             */
            fps?: number | null;
            /**
             * Format: int64
             * @description In pixels.
             */
            height?: number | null;
            /** @description The same. */
            inputFilename: string;
            /** @description What ffprobe would say; not kept. */
            metadata?: Record<string, never> | null;
            resolution?: null | components["schemas"]["Labelled_i64"];
            /**
             * Format: int64
             * @description In bytes.
             */
            size: number;
            /**
             * Format: int64
             * @description In pixels.
             */
            width?: number | null;
        };
        /**
         * @description Where a live stands.
         * @enum {string}
         */
        State: "waiting" | "live" | "interrupted" | "ended";
        /** @description Sprites of a video in one picture, row by row. */
        StoryboardView: {
            /** @description Where it is. */
            fileUrl: string;
            /**
             * Format: int64
             * @description Seconds of video that each sprite stands for.
             */
            spriteDuration: number;
            /**
             * Format: int64
             * @description In pixels.
             */
            spriteHeight: number;
            /**
             * Format: int64
             * @description In pixels.
             */
            spriteWidth: number;
            /** @description Where it is, below this server. */
            storyboardPath: string;
            /**
             * Format: int64
             * @description In pixels.
             */
            totalHeight: number;
            /**
             * Format: int64
             * @description In pixels.
             */
            totalWidth: number;
        };
        /** @description A video's storyboards: one, or none. */
        Storyboards: {
            /** @description These. */
            storyboards: components["schemas"]["StoryboardView"][];
        };
        /** @description What a player needs to join a video's swarm (docs/swarm-protocol.md). */
        Token: {
            /** @description The folder of the playlists. */
            base: string;
            /**
             * Format: int32
             * @description Not before so many seconds of watching.
             */
            delaySeconds: number;
            /**
             * Format: int64
             * @description Seconds that the token is good for.
             */
            expiresIn: number;
            /** @description The Ed25519 key of its manifests, 64 hexadecimal digits. */
            key: string;
            /** @description How it works. */
            kind: components["schemas"]["Kind"];
            /**
             * Format: int32
             * @description Not below so many viewers.
             */
            minimumViewers: number;
            /** @description Whether players share. */
            policy: components["schemas"]["Policy"];
            /** @description Names of the renditions; elsewhere they are named by their index. */
            renditions: string[];
            /**
             * Format: int32
             * @description Stripes of each rendition.
             */
            stripes: number;
            /** @description STUN servers. */
            stun: string[];
            /** @description Its id, 40 hexadecimal digits: the `info_hash` at the tracker. */
            swarm: string;
            /** @description Opens it. */
            token: string;
            /** @description The tracker's WebSocket. */
            tracker: string;
            /**
             * Format: double
             * @description Most that a player sends, in multiples of the stream's rate.
             */
            uplinkCeiling: number;
        };
        /** @description What to log in with. */
        TokenForm: {
            client_id: string;
            client_secret: string;
            /** @description `password` or `refresh_token` */
            grant_type: string;
            /** @description For `password`. */
            password?: string | null;
            /** @description For `refresh_token`. */
            refresh_token?: string | null;
            /** @description For `password`. */
            username?: string | null;
        };
        /** @description A session. */
        TokenSession: {
            /** @description When its tokens were made. */
            createdAt: string;
            /** @description The one that asks. */
            currentSession: boolean;
            /**
             * Format: int64
             * @description Row id.
             */
            id: number;
            /** @description When, within some minutes. */
            lastActivityDate?: string | null;
            /** @description What the program called itself that was seen last. */
            lastActivityDevice?: string | null;
            /** @description Where from. */
            lastActivityIP?: string | null;
            /** @description When. */
            loginDate?: string | null;
            /** @description What the program called itself that logged in. */
            loginDevice?: string | null;
            /** @description Where from. */
            loginIP?: string | null;
        };
        /** @description An answer that holds only a token. */
        TokenView: {
            /** @description For its files. */
            files: components["schemas"]["FilesToken"];
        };
        /** @description Tokens of a session. */
        Tokens: {
            /** @description For requests. */
            access_token: string;
            /**
             * Format: int64
             * @description Seconds.
             */
            expires_in: number;
            /** @description For the next pair. */
            refresh_token: string;
            /**
             * Format: int64
             * @description Seconds.
             */
            refresh_token_expires_in: number;
            /** @description `Bearer` */
            token_type: string;
        };
        /** @description What is to be made. */
        TranscodingForm: {
            /** @description Even though it is being done. */
            forceTranscoding?: boolean | null;
            /** @description `hls` or `web-video`. */
            transcodingType: string;
        };
        /** @description A video with its file. */
        UploadForm: components["schemas"]["VideoForm"] & {
            /**
             * Format: int64
             * @description Where it belongs.
             */
            channelId: number;
            /**
             * Format: binary
             * @description JPEG, PNG or WebP.
             */
            previewfile?: string | null;
            /**
             * Format: binary
             * @description JPEG, PNG or WebP.
             */
            thumbnailfile?: string | null;
            /**
             * Format: binary
             * @description The video.
             */
            videofile: string;
        };
        /** @description What can be changed of a user. */
        UserForm: {
            /**
             * Format: int64
             * @description 1: their videos need no review.
             */
            adminFlags?: number | null;
            /** @description Where letters go. */
            email?: string | null;
            /** @description The address is theirs. */
            emailVerified?: boolean | null;
            /** @description 6 to 255 characters; all sessions end. */
            password?: string | null;
            /**
             * Format: int64
             * @description 0 administrator, 1 moderator, 2 user; all sessions end.
             */
            role?: number | null;
            /**
             * Format: int64
             * @description Bytes of video in all; -1: no limit.
             */
            videoQuota?: number | null;
            /**
             * Format: int64
             * @description Bytes of video within 24 hours; -1: no limit.
             */
            videoQuotaDaily?: number | null;
        };
        /** @description Where somebody stopped watching. */
        UserHistory: {
            /**
             * Format: int64
             * @description In seconds.
             */
            currentTime: number;
        };
        /** @description A user in shortest form. */
        UserIdView: {
            /**
             * Format: int64
             * @description Row id.
             */
            id: number;
        };
        /** @description Ids of a new user. */
        UserIds: {
            /** @description Their account. */
            account: components["schemas"]["AccountIdView"];
            /**
             * Format: int64
             * @description Row id.
             */
            id: number;
        };
        /** @description A user, as they see themselves and as moderators see them. */
        UserView: {
            /** @description Their account. */
            account: components["schemas"]["AccountView"];
            /**
             * Format: int64
             * @description 1: their videos need no review.
             */
            adminFlags: number;
            /** @description Then play what is suggested. */
            autoPlayNextVideo: boolean;
            /** @description Then play what comes next in the playlist. */
            autoPlayNextVideoPlaylist: boolean;
            /** @description Play when a page opens. */
            autoPlayVideo: boolean;
            /** @description Kept out. */
            blocked: boolean;
            /** @description Why. */
            blockedReason?: string | null;
            /** @description When they were added. */
            createdAt: string;
            /** @description May be empty. */
            email: string;
            /** @description Others may see the address. */
            emailPublic: boolean;
            /** @description Whether the address is proven; null: nobody asked for a proof. */
            emailVerified?: boolean | null;
            /**
             * Format: int64
             * @description Row id.
             */
            id: number;
            /** @description Of the pages and letters. */
            language?: string | null;
            /** @description When they last logged in. */
            lastLoginDate?: string | null;
            /** @description Do not tell again what the account lacks. */
            noAccountSetupWarningModal: boolean;
            /** @description Do not tell again what the instance lacks. */
            noInstanceConfigWarningModal: boolean;
            /** @description Do not welcome again. */
            noWelcomeModal: boolean;
            /** @description How they are told of what; only for themselves. */
            notificationSettings?: Record<string, never> | null;
            /** @description What to do with videos not safe for work. */
            nsfwPolicy: string;
            /** @description Their pages share videos with other viewers. */
            p2pEnabled: boolean;
            /** @description What `email` is to be once it is proven. */
            pendingEmail?: string | null;
            /** @description No plugin lets anybody in. */
            pluginAuth?: string | null;
            /** @description What they may do. */
            role: components["schemas"]["Labelled_i64"];
            /** @description Playlists that everybody has; only for themselves. */
            specialPlaylists?: Record<string, never>[] | null;
            /** @description Of the pages. */
            theme: string;
            /** @description They are asked for a code at each login. */
            twoFactorEnabled: boolean;
            /** @description Login name. */
            username: string;
            /** @description Their channels; only for themselves. */
            videoChannels: components["schemas"]["ChannelView"][];
            /** @description Only show videos in these languages; null: all. */
            videoLanguages?: string[] | null;
            /**
             * Format: int64
             * @description Bytes of video in all; -1: no limit.
             */
            videoQuota: number;
            /**
             * Format: int64
             * @description Bytes of video within 24 hours; -1: no limit.
             */
            videoQuotaDaily: number;
            /**
             * Format: int64
             * @description Bytes of video there are; only for moderators.
             */
            videoQuotaUsed?: number | null;
            /**
             * Format: int64
             * @description Bytes of video added within 24 hours; only for moderators.
             */
            videoQuotaUsedDaily?: number | null;
            /**
             * Format: int64
             * @description Videos there are; only when asked for.
             */
            videosCount?: number | null;
            /** @description Keep what was watched. */
            videosHistoryEnabled: boolean;
        };
        /** @description What a letter's link carries. */
        VerificationForm: {
            /** @description It proves the address that is to replace the present one. */
            isPendingEmail?: boolean | null;
            /** @description From the link. */
            verificationString: string;
        };
        /** @description A video in full. */
        VideoDetails: components["schemas"]["VideoSummary_AccountView_ChannelView"] & {
            /** @description Older form of `commentsPolicy`. */
            commentsEnabled: boolean;
            /** @description Who may comment. */
            commentsPolicy: components["schemas"]["Labelled_i64"];
            /** @description Where the whole description is. */
            descriptionPath: string;
            /** @description Viewers may download. */
            downloadEnabled: boolean;
            /** @description Plain files. */
            files: components["schemas"]["FileView"][];
            /** @description When its file was last replaced. */
            inputFileUpdatedAt?: string | null;
            /**
             * Format: int64
             * @description Shoal's own: of a live, how far behind life.
             */
            latencyMode?: number | null;
            /** @description HLS; empty while a live waits. */
            streamingPlaylists: components["schemas"]["PlaylistView"][];
            /** @description How to support its makers. */
            support?: string | null;
            /** @description Words to find it by. */
            tags: string[];
            /** @description Where peers meet. */
            trackerUrls: string[];
        };
        /** @description What a form says of a video. What it leaves out stays as it is, or as the instance has it. */
        VideoForm: {
            /**
             * Format: int64
             * @description Vocabulary id.
             */
            category?: number | null;
            /**
             * Format: int64
             * @description Where it belongs: a channel of one's own.
             */
            channelId?: number | null;
            /** @description Who may comment, as yes or no. */
            commentsEnabled?: boolean | null;
            /**
             * Format: int64
             * @description Who may comment: 1 everybody, 2 nobody, 3 after approval.
             */
            commentsPolicy?: number | null;
            /** @description Markdown, at most 10000 characters. */
            description?: string | null;
            /** @description Viewers may download it. */
            downloadEnabled?: boolean | null;
            /** @description Vocabulary id. */
            language?: string | null;
            /**
             * Format: int64
             * @description Vocabulary id.
             */
            licence?: number | null;
            /** @description Title, 3 to 120 characters. */
            name?: string | null;
            /** @description Not safe for work. */
            nsfw?: boolean | null;
            /** @description RFC 3339; null takes it away. */
            originallyPublishedAt?: string | null;
            /**
             * Format: int64
             * @description 1 public, 2 unlisted, 3 private, 4 internal, 5 by password.
             */
            privacy?: number | null;
            scheduleUpdate?: null | components["schemas"]["ScheduleForm"];
            /** @description How to support its makers. */
            support?: string | null;
            /** @description At most five. */
            tags?: string[] | null;
            /** @description What opens it with privacy 5. */
            videoPasswords?: string[] | null;
            /** @description It is published when all of it is made. */
            waitTranscoding?: boolean | null;
        };
        /** @description The ids of a video. */
        VideoIds: {
            /**
             * Format: int64
             * @description Row id.
             */
            id: number;
            /** @description Its short form. */
            shortUUID: string;
            /** @description Public id. */
            uuid: string;
        };
        /** @description One more. */
        VideoPasswordForm: {
            /** @description 2 to 100 characters. */
            password: string;
        };
        /** @description All passwords of a video. */
        VideoPasswordsForm: {
            /** @description 1 to 100, none of them twice. */
            passwords: string[];
        };
        /** @description A video in lists. */
        VideoSummary: {
            /** @description Whose. */
            account: components["schemas"]["ActorSummary"];
            /**
             * Format: double
             * @description Width over height.
             */
            aspectRatio?: number | null;
            /** @description Taken down; in lists only for the owner. */
            blacklisted?: boolean | null;
            /** @description Why; in lists only for the owner. */
            blacklistedReason?: string | null;
            /** @description What it is about. */
            category: components["schemas"]["Labelled_Option_i64"];
            /** @description Where. */
            channel: components["schemas"]["ActorSummary"];
            /** @description When it was made. */
            createdAt: string;
            /** @description Markdown; lists have the first 250 characters. */
            description?: string | null;
            /**
             * Format: int64
             * @description Dislikes.
             */
            dislikes: number;
            /**
             * Format: int64
             * @description In seconds; 0 for a live.
             */
            duration: number;
            /** @description For iframes. */
            embedPath: string;
            /**
             * Format: int64
             * @description Row id.
             */
            id: number;
            /** @description A live, also while it waits. */
            isLive: boolean;
            /** @description From this instance. */
            isLocal: boolean;
            /** @description What is spoken. */
            language: components["schemas"]["Labelled_Option_String"];
            /** @description What may be done with it. */
            licence: components["schemas"]["Labelled_Option_i64"];
            /**
             * Format: int64
             * @description Likes.
             */
            likes: number;
            /** @description Title. */
            name: string;
            /** @description Not safe for work. */
            nsfw: boolean;
            /** @description When it first appeared elsewhere. */
            originallyPublishedAt?: string | null;
            /** @description Large picture. */
            previewPath?: string | null;
            /** @description Who may see it. */
            privacy: components["schemas"]["Labelled_i64"];
            /** @description When it was published; a live: when its last session began. */
            publishedAt: string;
            scheduledUpdate?: null | components["schemas"]["ScheduledUpdate"];
            /** @description Its short form. */
            shortUUID: string;
            state?: null | components["schemas"]["Labelled_i64"];
            /** @description Small picture. */
            thumbnailPath?: string | null;
            /** @description The first 250 characters of the description. */
            truncatedDescription?: string | null;
            /** @description When it last changed. */
            updatedAt: string;
            /** @description ActivityPub id. */
            url: string;
            userHistory?: null | components["schemas"]["UserHistory"];
            /** @description Public id. */
            uuid: string;
            /**
             * Format: int64
             * @description Watching now.
             */
            viewers: number;
            /**
             * Format: int64
             * @description Counted views.
             */
            views: number;
            /** @description Published only once transcoded; in lists only for the owner. */
            waitTranscoding?: boolean | null;
        };
        /** @description A video in lists. */
        VideoSummary_AccountView_ChannelView: {
            /** @description An account. */
            account: {
                /** @description Pictures. */
                avatars: components["schemas"]["Image"][];
                /** @description When it was made. */
                createdAt: string;
                /** @description About them. */
                description?: string | null;
                /** @description As shown. */
                displayName: string;
                /**
                 * Format: int64
                 * @description Is followed by.
                 */
                followersCount: number;
                /**
                 * Format: int64
                 * @description Follows.
                 */
                followingCount: number;
                /** @description After the `@`. */
                host: string;
                /** @description Mirrors videos of that host. */
                hostRedundancyAllowed: boolean;
                /**
                 * Format: int64
                 * @description Row id.
                 */
                id: number;
                /** @description Before the `@`. */
                name: string;
                /** @description When it last changed. */
                updatedAt: string;
                /** @description ActivityPub id. */
                url: string;
                /**
                 * Format: int64
                 * @description The user behind it; only local ones.
                 */
                userId?: number | null;
            };
            /**
             * Format: double
             * @description Width over height.
             */
            aspectRatio?: number | null;
            /** @description Taken down; in lists only for the owner. */
            blacklisted?: boolean | null;
            /** @description Why; in lists only for the owner. */
            blacklistedReason?: string | null;
            /** @description What it is about. */
            category: components["schemas"]["Labelled_Option_i64"];
            /** @description A channel. */
            channel: {
                /** @description Pictures. */
                avatars: components["schemas"]["Image"][];
                /** @description Wide pictures. */
                banners: components["schemas"]["Image"][];
                /** @description When it was made. */
                createdAt: string;
                /** @description About it. */
                description?: string | null;
                /** @description As shown. */
                displayName: string;
                /**
                 * Format: int64
                 * @description Is followed by.
                 */
                followersCount: number;
                /**
                 * Format: int64
                 * @description Follows.
                 */
                followingCount: number;
                /** @description After the `@`. */
                host: string;
                /** @description Mirrors videos of that host. */
                hostRedundancyAllowed: boolean;
                /**
                 * Format: int64
                 * @description Row id.
                 */
                id: number;
                /** @description From this instance. */
                isLocal: boolean;
                /** @description Before the `@`. */
                name: string;
                ownerAccount?: null | components["schemas"]["AccountView"];
                /** @description How to support it. */
                support?: string | null;
                /** @description When it last changed. */
                updatedAt: string;
                /** @description ActivityPub id. */
                url: string;
            };
            /** @description When it was made. */
            createdAt: string;
            /** @description Markdown; lists have the first 250 characters. */
            description?: string | null;
            /**
             * Format: int64
             * @description Dislikes.
             */
            dislikes: number;
            /**
             * Format: int64
             * @description In seconds; 0 for a live.
             */
            duration: number;
            /** @description For iframes. */
            embedPath: string;
            /**
             * Format: int64
             * @description Row id.
             */
            id: number;
            /** @description A live, also while it waits. */
            isLive: boolean;
            /** @description From this instance. */
            isLocal: boolean;
            /** @description What is spoken. */
            language: components["schemas"]["Labelled_Option_String"];
            /** @description What may be done with it. */
            licence: components["schemas"]["Labelled_Option_i64"];
            /**
             * Format: int64
             * @description Likes.
             */
            likes: number;
            /** @description Title. */
            name: string;
            /** @description Not safe for work. */
            nsfw: boolean;
            /** @description When it first appeared elsewhere. */
            originallyPublishedAt?: string | null;
            /** @description Large picture. */
            previewPath?: string | null;
            /** @description Who may see it. */
            privacy: components["schemas"]["Labelled_i64"];
            /** @description When it was published; a live: when its last session began. */
            publishedAt: string;
            scheduledUpdate?: null | components["schemas"]["ScheduledUpdate"];
            /** @description Its short form. */
            shortUUID: string;
            state?: null | components["schemas"]["Labelled_i64"];
            /** @description Small picture. */
            thumbnailPath?: string | null;
            /** @description The first 250 characters of the description. */
            truncatedDescription?: string | null;
            /** @description When it last changed. */
            updatedAt: string;
            /** @description ActivityPub id. */
            url: string;
            userHistory?: null | components["schemas"]["UserHistory"];
            /** @description Public id. */
            uuid: string;
            /**
             * Format: int64
             * @description Watching now.
             */
            viewers: number;
            /**
             * Format: int64
             * @description Counted views.
             */
            views: number;
            /** @description Published only once transcoded; in lists only for the owner. */
            waitTranscoding?: boolean | null;
        };
        /** @description Where a viewer is. */
        ViewForm: {
            /**
             * Format: double
             * @description Seconds from the video's beginning.
             */
            currentTime: number;
            /** @description Tells viewers behind one address apart; at most 100 bytes. */
            sessionId?: string | null;
            /** @description `seek` after a jump. */
            viewEvent?: string | null;
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    job_queue: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Queue"];
                };
            };
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
        };
    };
    delete_job: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
        };
    };
    retry_job: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
        };
    };
    manifests: {
        parameters: {
            query: {
                /** @description Media sequence number of the first segment. */
                from: number;
                /** @description How many segments, 1 to 256. */
                count: number;
                /** @description From the token endpoint. */
                token: string;
            };
            header?: never;
            path: {
                uuid: string;
                rendition: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/octet-stream": unknown;
                };
            };
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
        };
    };
    stripes: {
        parameters: {
            query: {
                /** @description Numbers, separated by commas. */
                stripes: string;
                /** @description The first part wanted (`msn << 10 | part`), as far as it is in memory; absent: from the next one. */
                from?: number;
                /** @description From the token endpoint. */
                token: string;
            };
            header?: never;
            path: {
                uuid: string;
                rendition: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/octet-stream": unknown;
                };
            };
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
        };
    };
    swarm_token: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                uuid: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Token"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
        };
    };
    end: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
        };
    };
    status: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["LiveStatus"];
                };
            };
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
        };
    };
    rotate_key: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["NewKey"];
                };
            };
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
        };
    };
    progress: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Progress"];
                };
            };
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
        };
    };
    accounts: {
        parameters: {
            query?: {
                start?: number;
                count?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["List_AccountView"];
                };
            };
        };
    };
    account: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AccountView"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
        };
    };
    account_ratings: {
        parameters: {
            query?: {
                start?: number;
                count?: number;
                rating?: string;
            };
            header?: never;
            path: {
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["List_Rated"];
                };
            };
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
        };
    };
    account_channels: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["List_ChannelView"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
        };
    };
    account_videos: {
        parameters: {
            query?: {
                start?: number;
                count?: number;
                sort?: string;
            };
            header?: never;
            path: {
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["List_VideoSummary"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
        };
    };
    config: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": Record<string, never>;
                };
            };
        };
    };
    about: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": Record<string, never>;
                };
            };
        };
    };
    all_jobs: {
        parameters: {
            query?: {
                jobType?: string;
                start?: number;
                count?: number;
                sort?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["List_JobView"];
                };
            };
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
        };
    };
    pause_jobs: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
        };
    };
    resume_jobs: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
        };
    };
    jobs_in_state: {
        parameters: {
            query?: {
                jobType?: string;
                start?: number;
                count?: number;
                sort?: string;
            };
            header?: never;
            path: {
                state: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["List_JobView"];
                };
            };
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
        };
    };
    playback_metrics: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["PlaybackForm"];
            };
        };
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
        };
    };
    oauth_client: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OAuthClient"];
                };
            };
        };
    };
    search: {
        parameters: {
            query: {
                search: string;
                start?: number;
                count?: number;
                sort?: string;
                isLive?: boolean;
                startDate?: string;
                endDate?: string;
                durationMin?: number;
                durationMax?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["List_VideoSummary"];
                };
            };
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
        };
    };
    stats: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": Record<string, never>;
                };
            };
        };
    };
    list_users: {
        parameters: {
            query?: {
                start?: number;
                count?: number;
                sort?: string;
                search?: string;
                blocked?: boolean;
                role?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["List_UserView"];
                };
            };
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
        };
    };
    create_user: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewUserForm"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CreatedUser"];
                };
            };
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
        };
    };
    ask_reset_password: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["AddressForm"];
            };
        };
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
        };
    };
    ask_verify_email: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["AddressForm"];
            };
        };
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
        };
    };
    me: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["UserView"];
                };
            };
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
        };
    };
    update_me: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["MeForm"];
            };
        };
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
        };
    };
    delete_me: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
        };
    };
    delete_my_avatar: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
        };
    };
    pick_my_avatar: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "multipart/form-data": components["schemas"]["AvatarForm"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Avatars"];
                };
            };
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
        };
    };
    my_history: {
        parameters: {
            query?: {
                start?: number;
                count?: number;
                search?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["List_VideoSummary"];
                };
            };
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
        };
    };
    clear_history: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["HistoryForm"];
            };
        };
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
        };
    };
    delete_history_video: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
        };
    };
    quota_used: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["QuotaUsed"];
                };
            };
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
        };
    };
    my_videos: {
        parameters: {
            query?: {
                start?: number;
                count?: number;
                sort?: string;
                isLive?: boolean;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["List_VideoSummary"];
                };
            };
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
        };
    };
    my_imports: {
        parameters: {
            query?: {
                start?: number;
                count?: number;
                sort?: string;
                targetUrl?: string;
                videoId?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["List_ImportView"];
                };
            };
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
        };
    };
    my_rating: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RatingView"];
                };
            };
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
        };
    };
    register: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["RegisterForm"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RegistrationStateView"];
                };
            };
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
        };
    };
    list_registrations: {
        parameters: {
            query?: {
                start?: number;
                count?: number;
                sort?: string;
                search?: string;
                stateOneOf?: number[];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["List_RegistrationView"];
                };
            };
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
        };
    };
    ask_verify_registration_email: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["AddressForm"];
            };
        };
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
        };
    };
    request_registration: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["RegisterForm"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RegistrationStateView"];
                };
            };
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
        };
    };
    delete_registration: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                registrationId: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
        };
    };
    accept_registration: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                registrationId: number;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["AnswerForm"];
            };
        };
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
        };
    };
    reject_registration: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                registrationId: number;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["AnswerForm"];
            };
        };
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
        };
    };
    verify_registration_email: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                registrationId: number;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["VerificationForm"];
            };
        };
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
        };
    };
    revoke_token: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
        };
    };
    token: {
        parameters: {
            query?: never;
            header?: {
                /** @description A code of the second factor, where there is one */
                "x-peertube-otp"?: string | null;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/x-www-form-urlencoded": components["schemas"]["TokenForm"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Tokens"];
                };
            };
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
        };
    };
    show_user: {
        parameters: {
            query?: {
                withStats?: boolean;
            };
            header?: never;
            path: {
                id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["UserView"];
                };
            };
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
        };
    };
    update_user: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: number;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["UserForm"];
            };
        };
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
        };
    };
    delete_user: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
        };
    };
    block_user: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: number;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["BlockForm"];
            };
        };
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
        };
    };
    list_exports: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["List_ExportView"];
                };
            };
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
        };
    };
    request_export: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: number;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ExportForm"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CreatedExport"];
                };
            };
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
        };
    };
    delete_export: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: number;
                exportId: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
        };
    };
    reset_password: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: number;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ResetForm"];
            };
        };
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
        };
    };
    token_sessions: {
        parameters: {
            query?: {
                start?: number;
                count?: number;
                sort?: string;
            };
            header?: never;
            path: {
                id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["List_TokenSession"];
                };
            };
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
        };
    };
    revoke_token_session: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: number;
                tokenSessionId: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": Record<string, never>;
                };
            };
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
        };
    };
    confirm_two_factor: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: number;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ConfirmForm"];
            };
        };
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
        };
    };
    disable_two_factor: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: number;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["PasswordForm"];
            };
        };
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
        };
    };
    request_two_factor: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: number;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["PasswordForm"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OtpRequested"];
                };
            };
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
        };
    };
    unblock_user: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
        };
    };
    verify_email: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: number;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["VerificationForm"];
            };
        };
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
        };
    };
    channels: {
        parameters: {
            query?: {
                start?: number;
                count?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["List_ChannelView"];
                };
            };
        };
    };
    create: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ChannelForm"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CreatedChannel"];
                };
            };
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
        };
    };
    channel: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                handle: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ChannelView"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
        };
    };
    update_channel: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                handle: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ChannelChanges"];
            };
        };
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
        };
    };
    delete_channel: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                handle: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
        };
    };
    delete_channel_avatar: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                handle: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
        };
    };
    pick_channel_avatar: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                handle: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "multipart/form-data": components["schemas"]["AvatarForm"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Avatars"];
                };
            };
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
        };
    };
    delete_channel_banner: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                handle: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
        };
    };
    pick_channel_banner: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                handle: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "multipart/form-data": components["schemas"]["BannerForm"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Banners"];
                };
            };
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
        };
    };
    channel_videos: {
        parameters: {
            query?: {
                start?: number;
                count?: number;
                sort?: string;
            };
            header?: never;
            path: {
                handle: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["List_VideoSummary"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
        };
    };
    list: {
        parameters: {
            query?: {
                start?: number;
                count?: number;
                sort?: string;
                isLive?: boolean;
                isLocal?: boolean;
                nsfw?: string;
                categoryOneOf?: number[];
                licenceOneOf?: number[];
                languageOneOf?: string[];
                tagsOneOf?: string[];
                tagsAllOf?: string[];
                privacyOneOf?: number[];
                stateOneOf?: number[];
                host?: string;
                hasHLSFiles?: boolean;
                hasWebVideoFiles?: boolean;
                excludeAlreadyWatched?: boolean;
                skipCount?: boolean;
                search?: string;
                include?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["List_VideoSummary"];
                };
            };
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
        };
    };
    categories: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": Record<string, never>;
                };
            };
        };
    };
    create_import: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "multipart/form-data": components["schemas"]["ImportForm"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ImportView"];
                };
            };
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
        };
    };
    delete_import: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
        };
    };
    cancel_import: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
        };
    };
    retry_import: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
        };
    };
    languages: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": Record<string, never>;
                };
            };
        };
    };
    licences: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": Record<string, never>;
                };
            };
        };
    };
    create_live: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "multipart/form-data": components["schemas"]["LiveForm"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Created"];
                };
            };
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
        };
    };
    live: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["LiveView"];
                };
            };
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
        };
    };
    update_live: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["LiveSettingsForm"];
            };
        };
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
        };
    };
    sessions: {
        parameters: {
            query?: {
                start?: number;
                count?: number;
            };
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["List_SessionView"];
                };
            };
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
        };
    };
    privacies: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": Record<string, never>;
                };
            };
        };
    };
    upload: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "multipart/form-data": components["schemas"]["UploadForm"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Created"];
                };
            };
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            408: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
        };
    };
    upload_part: {
        parameters: {
            query: {
                upload_id: string;
            };
            header: {
                "Content-Range": string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/octet-stream": number[];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Created"];
                };
            };
            308: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
        };
    };
    begin_upload: {
        parameters: {
            query?: never;
            header: {
                "X-Upload-Content-Length": number;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ResumableForm"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
        };
    };
    cancel_upload: {
        parameters: {
            query: {
                upload_id: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
        };
    };
    details: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["VideoDetails"];
                };
            };
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
        };
    };
    update: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["VideoForm"];
            };
        };
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
        };
    };
    delete: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
        };
    };
    captions: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["List_CaptionView"];
                };
            };
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
        };
    };
    put_captions: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
                captionLanguage: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "multipart/form-data": components["schemas"]["CaptionForm"];
            };
        };
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
        };
    };
    delete_captions: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
                captionLanguage: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
        };
    };
    chapters: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ChaptersView"];
                };
            };
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
        };
    };
    put_chapters: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ChaptersView"];
            };
        };
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
        };
    };
    description: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": Record<string, never>;
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
        };
    };
    delete_hls: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
        };
    };
    session_of: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SessionView"];
                };
            };
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
        };
    };
    video_passwords: {
        parameters: {
            query?: {
                start?: number;
                count?: number;
            };
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["List_PasswordView"];
                };
            };
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
        };
    };
    set_video_passwords: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["VideoPasswordsForm"];
            };
        };
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
        };
    };
    add_video_password: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["VideoPasswordForm"];
            };
        };
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
        };
    };
    delete_video_password: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
                passwordId: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
        };
    };
    rate: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["RatingForm"];
            };
        };
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
        };
    };
    video_source: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SourceView"];
                };
            };
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
        };
    };
    delete_video_source: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
        };
    };
    replacement_part: {
        parameters: {
            query: {
                upload_id: string;
            };
            header: {
                "Content-Range": string;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/octet-stream": number[];
            };
        };
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            308: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
        };
    };
    begin_replacement: {
        parameters: {
            query?: never;
            header: {
                "X-Upload-Content-Length": number;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ReplacementForm"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
        };
    };
    cancel_replacement: {
        parameters: {
            query: {
                upload_id: string;
            };
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
        };
    };
    video_stats_overall: {
        parameters: {
            query?: {
                startDate?: string;
                endDate?: string;
            };
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OverallView"];
                };
            };
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
        };
    };
    video_stats_retention: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RetentionView"];
                };
            };
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
        };
    };
    video_stats_timeseries: {
        parameters: {
            query?: {
                startDate?: string;
                endDate?: string;
            };
            header?: never;
            path: {
                id: string;
                metric: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SeriesView"];
                };
            };
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
        };
    };
    storyboards: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Storyboards"];
                };
            };
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
        };
    };
    video_token: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TokenView"];
                };
            };
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
        };
    };
    transcode: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["TranscodingForm"];
            };
        };
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
        };
    };
    view: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ViewForm"];
            };
        };
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
        };
    };
    delete_web_videos: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
        };
    };
    delete_web_video: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
                fileId: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemBody"];
                };
            };
        };
    };
}
