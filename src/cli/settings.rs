//! Where the settings come from; the command line and the environment outrank the file.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;

use super::exit::{FAULTY, UNUSABLE};
use nameplate_core::mapping::regions::EndpointRegions;
use nameplate_core::settings::Settings;

/// What the settings' faults name as their file, where there is none.
const NO_FILE: &str = "<settings>";

/// Where the settings are.
#[derive(Args, Clone, Debug, Default)]
pub(super) struct SettingsPlace {
    /// Settings file; without settings, what only reads a mapping takes any ENDPOINT [default: built-in defaults]
    #[arg(long, env = "NAMEPLATE_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// The settings themselves, as YAML or JSON, in place of a file; relative paths start in the current folder
    #[arg(long, env = "NAMEPLATE_SETTINGS", hide_env_values = true, value_name = "YAML", conflicts_with = "config")]
    settings: Option<String>,
}

impl SettingsPlace {
    /// A place that somebody else's command line names.
    pub(super) fn at(config: Option<PathBuf>, settings: Option<String>) -> SettingsPlace {
        SettingsPlace { config, settings }
    }

    /// Reads them.
    pub(super) fn read(&self) -> anyhow::Result<Settings> {
        match &self.settings {
            Some(text) => Ok(Settings::parse(text, NO_FILE)?),
            None => read_settings(self.config.as_deref()),
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

    /// Whether anything is said, or the defaults hold.
    fn is_given(&self) -> bool {
        self.config.is_some() || self.settings.is_some()
    }
}

/// Where the settings are, and the mapping.
#[derive(Args, Clone, Debug)]
pub(super) struct SettingsArgs {
    #[command(flatten)]
    place: SettingsPlace,
    /// The mapping: a file, s3://bucket/key, or an http(s) URL [default: `mapping` of the settings]
    // Text here, because clap would repeat a value it refuses, and a URL may hold a secret.
    #[arg(long, env = "NAMEPLATE_MAPPING", hide_env_values = true, value_name = "SOURCE")]
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
        if let Some(mapping) = &self.mapping {
            settings.mapping = mapping.parse().map_err(|fault: String| anyhow::anyhow!("--mapping: {fault}"))?;
        }
        Ok(settings)
    }
}

/// 2 where a file could not be read, 1 where what it says is at fault.
pub(super) fn code_of(e: &anyhow::Error) -> u8 {
    if e.chain().any(|cause| cause.is::<std::io::Error>()) { UNUSABLE } else { FAULTY }
}

/// Reads a settings file; its relative paths are relative to where it stands.
pub(super) fn read_settings(config: Option<&Path>) -> anyhow::Result<Settings> {
    let Some(file) = config else { return Ok(Settings::default()) };
    let text = std::fs::read_to_string(file).with_context(|| format!("read settings file {}", file.display()))?;
    let mut settings = Settings::parse(&text, &file.display().to_string())?;
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
    Ok(settings)
}
