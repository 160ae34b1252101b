// Generated from openapi.json by `npm run generate`. Do not edit.

export interface paths {
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
        /** Videos whose title or description contains `search`. */
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
        /** Numbers of the instance. */
        get: operations["stats"];
        put?: never;
        post?: never;
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
        /** Change one's own settings; what is not named stays. PeerTube's settings that mean nothing here are passed over. */
        put: operations["update_me"];
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
        put?: never;
        post?: never;
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
    "/api/v1/videos/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One video in full. `id`: row id, UUID or short UUID. */
        get: operations["details"];
        /** Change a video: only the fields that are sent. For its owner and moderators. */
        put: operations["update"];
        post?: never;
        /** Delete a video; a running broadcast ends. For its owner and moderators. */
        delete: operations["delete"];
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
    "/api/v1/videos/{id}/views": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** A viewer is watching: sent every few seconds while playing. */
        post: operations["view"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
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
        /** @description A hint for the streamer: a stable code for programs, words for people. */
        Advice: {
            /** @description Stable, for example `keyframe_interval_long`. */
            code: string;
            /** @description What is wrong and how to fix it. */
            text: string;
        };
        /** @description A channel to be. */
        ChannelForm: {
            /** @description About it. */
            description?: string | null;
            /** @description As shown. */
            displayName: string;
            /** @description a-z, 0-9, . and _ */
            name: string;
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
        /** @description An answer that holds only a new video's ids. */
        Created: {
            /** @description The new video. */
            video: components["schemas"]["VideoIds"];
        };
        /** @description An answer that holds only a new channel's id. */
        CreatedChannel: {
            videoChannel: components["schemas"]["Id"];
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
            /** @description No torrent is made. */
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
             * @description 0: on this server.
             */
            storage: number;
            /** @description No torrent is made. */
            torrentDownloadUrl?: string | null;
            /** @description No torrent is made. */
            torrentUrl?: string | null;
            /**
             * Format: int64
             * @description In pixels.
             */
            width?: number | null;
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
            /** @description Where it is. */
            path: string;
            /**
             * Format: int64
             * @description In pixels.
             */
            width: number;
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
            /** @description Their pages share videos with other viewers, unless they choose otherwise there. */
            p2pEnabled?: boolean | null;
        };
        /** @description The new secret. */
        NewKey: {
            /** @description Publish with it from now on. */
            streamKey: string;
        };
        /** @description The public OAuth client. */
        OAuthClient: {
            /** @description Not a secret: every page uses it. */
            client_id: string;
            /** @description Not a secret: every page uses it. */
            client_secret: string;
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
        /** @description What happens to the recordings of a live. */
        ReplaySettings: {
            /** @description Who may see them. */
            privacy: components["schemas"]["Labelled_i64"];
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
        /**
         * @description Where a live stands.
         * @enum {string}
         */
        State: "waiting" | "live" | "interrupted" | "ended";
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
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
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
            header?: never;
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
                "multipart/form-data": Record<string, never>;
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
                "application/json": Record<string, never>;
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
                "application/json": Record<string, never>;
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
                "application/json": Record<string, never>;
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
}
