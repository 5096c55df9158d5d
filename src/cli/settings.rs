//! Where the settings come from; the command line and the environment outrank the file.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;

use super::environment::{self, Misused};
use super::exit::{FAULTY, UNUSABLE};
use nameplate_core::diagnostic::Diagnostics;
use nameplate_core::mapping::regions::EndpointRegions;
use nameplate_core::settings::{MappingSource, Places, Settings};

/// What the settings' errors name as their file, where there is none.
const NO_FILE: &str = "<settings>";

/// The variables that outrank nothing but the built-in defaults.
const CONFIG: &str = "NAMEPLATE_CONFIG";
const SETTINGS: &str = "NAMEPLATE_SETTINGS";
const MAPPING: &str = "NAMEPLATE_MAPPING";

/// Where the settings are.
#[derive(Args, Clone, Debug, Default)]
pub(super) struct SettingsPlace {
    /// Settings file; without settings, what only reads a mapping takes any ENDPOINT [env: NAMEPLATE_CONFIG] [default: built-in defaults]
    // clap does not read the variables: see `environment`.
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The settings themselves, as YAML or JSON, in place of a file; relative paths start in the current folder [env: NAMEPLATE_SETTINGS]
    #[arg(long, value_name = "YAML", conflicts_with = "config")]
    settings: Option<String>,
}

/// A settings file, the settings themselves, or neither.
enum Given {
    File(PathBuf),
    Text(String),
    Nothing,
}

impl SettingsPlace {
    /// A place that somebody else's command line names.
    pub(super) fn at(config: Option<PathBuf>, settings: Option<String>) -> SettingsPlace {
        SettingsPlace { config, settings }
    }

    /// Reads them.
    pub(super) fn read(&self) -> anyhow::Result<Settings> {
        self.read_with_places().map(|(settings, _)| settings)
    }

    /// Reads them, and where each key stands.
    pub(super) fn read_with_places(&self) -> anyhow::Result<(Settings, Places)> {
        match self.given()? {
            Given::Nothing => Ok((Settings::default(), Places::default())),
            Given::Text(text) => Ok(Settings::parse_with_places(&text, NO_FILE)?),
            Given::File(file) => {
                let read = std::fs::read(&file);
                let bytes = read.with_context(|| format!("read settings file {}", file.display()))?;
                Ok(parse_file(&bytes, &file)?)
            }
        }
    }

    /// The names that ENDPOINT may have. Without settings nobody knows what endpoints there are.
    pub(super) fn endpoints_of(&self, settings: &Settings) -> Option<Vec<String>> {
        self.is_given().then(|| settings.endpoint_names())
    }

    /// The regions of the endpoints. Without settings nobody knows what endpoints there are.
    pub(super) fn regions_of(&self, settings: &Settings) -> EndpointRegions {
        if self.is_given() { EndpointRegions::of(settings) } else { EndpointRegions::default() }
    }

    /// Whether there are settings, or the defaults hold.
    pub(super) fn is_given(&self) -> bool {
        let in_environment = || environment::is_set(CONFIG) || environment::is_set(SETTINGS);
        self.config.is_some() || self.settings.is_some() || in_environment()
    }

    fn given(&self) -> Result<Given, Misused> {
        let both = |file: &str, text: &str| {
            Err(Misused::said(&format!("{file} and {text}"), "both give settings; keep one of the two"))
        };
        match (&self.config, &self.settings) {
            (Some(_), _) if environment::is_set(SETTINGS) => return both("--config <FILE>", SETTINGS),
            (_, Some(_)) if environment::is_set(CONFIG) => return both(CONFIG, "--settings <YAML>"),
            (Some(file), _) => return Ok(Given::File(file.clone())),
            (_, Some(text)) => return Ok(Given::Text(text.clone())),
            (None, None) => {}
        }
        match (environment::text(CONFIG)?, environment::text(SETTINGS)?) {
            (Some(_), Some(_)) => both(CONFIG, SETTINGS),
            (Some(file), None) => Ok(Given::File(file.into())),
            (None, Some(text)) => Ok(Given::Text(text)),
            (None, None) => Ok(Given::Nothing),
        }
    }
}

/// Where the settings are, and the mapping.
#[derive(Args, Clone, Debug)]
pub(super) struct SettingsArgs {
    #[command(flatten)]
    place: SettingsPlace,
    /// The mapping: a file, s3://bucket/key, or an http(s) URL [env: NAMEPLATE_MAPPING] [default: `mapping` of the settings]
    // Text here, because clap would repeat a value it refuses, and a URL may hold a secret.
    #[arg(short, long, value_name = "SOURCE")]
    mapping: Option<String>,
}

impl SettingsArgs {
    /// The names that ENDPOINT may have, where there are settings that say so.
    pub(super) fn endpoints_of(&self, settings: &Settings) -> Option<Vec<String>> {
        self.place.endpoints_of(settings)
    }

    /// Reads them.
    pub(super) fn read(&self) -> anyhow::Result<Settings> {
        let mut settings = self.place.read()?;
        let flag = self.mapping.as_deref().map(|text| text.parse::<MappingSource>());
        let flag = flag.transpose().map_err(|said| Misused::said("--mapping", &said))?;
        if let Some(mapping) = environment::or_variable(flag, MAPPING, str::parse)? {
            settings.mapping = mapping;
        }
        Ok(settings)
    }
}

/// 2 where a file could not be read, or the command line or the environment is wrong; 1 where what a file says is.
pub(super) fn code_of(e: &anyhow::Error) -> u8 {
    let is_unusable = e.chain().any(|cause| cause.is::<std::io::Error>() || cause.is::<Misused>());
    if is_unusable { UNUSABLE } else { FAULTY }
}

/// Reads what a settings file holds; its relative paths are relative to where it stands.
fn parse_file(bytes: &[u8], file: &Path) -> Result<(Settings, Places), Diagnostics> {
    let (mut settings, places) = Settings::parse_bytes_with_places(bytes, &file.display().to_string())?;
    let folder = file.parent().unwrap_or(Path::new("."));
    settings.mapping = settings.mapping.relative_to(folder);
    let reload = &mut settings.reload;
    // An empty one is none, and no folder.
    let cache = reload.cache.as_mut().filter(|cache| !cache.as_os_str().is_empty());
    for file in [settings.endpoint.ca_file.as_mut(), reload.token_file.as_mut(), cache].into_iter().flatten() {
        *file = folder.join(&*file);
    }
    if let Some(socket) = &mut settings.shutdown.upgrade_socket {
        *socket = folder.join(&*socket);
    }
    for listener in &mut settings.listeners {
        listener.tls = listener.tls.take().map(|tls| tls.relative_to(folder));
    }
    Ok((settings, places))
}
