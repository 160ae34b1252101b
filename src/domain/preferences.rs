use serde::{Deserialize, Serialize};

/// What to do with videos that are not safe for work; PeerTube's words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NsfwPolicy {
    /// Show them.
    #[default]
    Display,
    /// Blur their pictures.
    Blur,
    /// Ask before playing.
    Warn,
    /// Leave them out of lists.
    DoNotList,
}

impl NsfwPolicy {
    /// From PeerTube's word.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Display, Self::Blur, Self::Warn, Self::DoNotList].into_iter().find(|policy| policy.as_str() == word)
    }

    /// PeerTube's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Display => "display",
            Self::Blur => "blur",
            Self::Warn => "warn",
            Self::DoNotList => "do_not_list",
        }
    }
}

/// What somebody chose for their pages. Kept as JSON: fields that come later have their defaults.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Preferences {
    /// About videos not safe for work.
    pub nsfw_policy: NsfwPolicy,
    /// Others may see the address.
    pub email_public: bool,
    /// Keep what was watched.
    pub videos_history: bool,
    /// Play when a page opens.
    pub auto_play_video: bool,
    /// Then play what is suggested.
    pub auto_play_next_video: bool,
    /// Then play what comes next in the playlist.
    pub auto_play_next_video_playlist: bool,
    /// Only show videos in these languages; `None`: all.
    pub video_languages: Option<Vec<String>>,
    /// Of the pages and letters.
    pub language: Option<String>,
    /// Of the pages.
    pub theme: String,
    /// Do not tell again what the instance lacks.
    pub no_instance_config_warning_modal: bool,
    /// Do not welcome again.
    pub no_welcome_modal: bool,
    /// Do not tell again what the account lacks.
    pub no_account_setup_warning_modal: bool,
}

impl Preferences {
    /// Most languages to choose.
    pub const MAX_LANGUAGES: usize = 200;
    /// Longest name of a theme or code of a language.
    pub const MAX_WORD: usize = 50;
}

impl Default for Preferences {
    fn default() -> Self {
        Self {
            nsfw_policy: NsfwPolicy::Display,
            email_public: false,
            videos_history: true,
            auto_play_video: true,
            auto_play_next_video: false,
            auto_play_next_video_playlist: true,
            video_languages: None,
            language: None,
            theme: "instance-default".into(),
            // What PeerTube's pages warn of does not exist here.
            no_instance_config_warning_modal: true,
            no_welcome_modal: true,
            no_account_setup_warning_modal: true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_never_chosen_has_its_default() {
        assert_eq!(serde_json::from_str::<Preferences>("{}").expect("good"), Preferences::default());
        let chosen: Preferences = serde_json::from_str(r#"{"nsfw_policy":"do_not_list"}"#).expect("good");
        assert_eq!(chosen.nsfw_policy, NsfwPolicy::DoNotList);
        assert!(chosen.videos_history);
        for policy in [NsfwPolicy::Display, NsfwPolicy::Blur, NsfwPolicy::Warn, NsfwPolicy::DoNotList] {
            assert_eq!(NsfwPolicy::parse(policy.as_str()), Some(policy));
        }
    }
}
