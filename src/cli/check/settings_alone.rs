//! `nameplate check` without a mapping: settings alone, and the files they name.

use std::io;
use std::path::Path;

use super::super::exit::FAULTY;
use super::super::load::NotLoaded;
use super::super::settings::{SettingsPlace, code_of};
use super::report::Report;
use crate::downstream::certificates::{CertificateError, certificates, inspect};
use nameplate_core::diagnostic::Diagnostics;
use nameplate_core::settings::{Identity, ListenerTls, Problem, Problems, Settings};

/// Checks settings and the files they name, and returns the exit code.
pub(super) fn check_settings(place: &SettingsPlace, report: &mut Report<'_>) -> io::Result<u8> {
    let (settings, places) = match place.read_with_places() {
        Ok(read) => read,
        Err(e) => return refuse_settings(e, report),
    };
    let mut found = Found { problems: Vec::new(), warnings: Vec::new() };
    found.look_at(&settings);
    let Found { problems, warnings } = found;
    if !problems.is_empty() {
        let errors = places.locate(&Problems(problems));
        report.refuse_settings(places.file(), &NotLoaded::Invalid(vec![errors]))?;
        return Ok(FAULTY);
    }
    report.accept_settings(places.file(), &summary(&settings), &places.locate_warnings(&Problems(warnings)))?;
    Ok(0)
}

/// Reports why there are no settings, and returns the exit code.
pub(super) fn refuse_settings(e: anyhow::Error, report: &mut Report<'_>) -> io::Result<u8> {
    let code = code_of(&e);
    match e.downcast::<Diagnostics>() {
        Ok(errors) => {
            let file = errors.file().to_owned();
            report.refuse_settings(&file, &NotLoaded::Invalid(vec![errors]))?;
        }
        Err(e) => {
            let said = format!("{e:#}");
            let what = said.strip_prefix("error: ").unwrap_or(&said).to_owned();
            report.refuse_settings("settings", &NotLoaded::Unreadable(what))?;
        }
    }
    Ok(code)
}

fn summary(settings: &Settings) -> String {
    let listeners: Vec<_> = settings.listeners.iter().map(|listener| listener.address.to_string()).collect();
    let endpoints = 1 + settings.endpoints.len();
    let endpoints = if endpoints == 1 { "1 endpoint".to_owned() } else { format!("{endpoints} endpoints") };
    format!("listens on {}, admin pages on {}, {endpoints}", listeners.join(" and "), settings.admin)
}

/// What the files and addresses of settings show.
struct Found {
    problems: Vec<Problem>,
    warnings: Vec<Problem>,
}

impl Found {
    fn look_at(&mut self, settings: &Settings) {
        self.problems.extend(settings.validate_addresses().err().into_iter().flat_map(|problems| problems.0));
        for (at, listener) in settings.listeners.iter().enumerate() {
            if let Some(tls) = &listener.tls {
                self.look_at_tls(tls, &format!("listeners[{at}].tls"));
            }
        }
        self.look_at_names(settings);
        let endpoint = &settings.endpoint;
        if let Some(error) = endpoint.ca_file.as_deref().and_then(|file| certificates(file).err()) {
            self.unusable("endpoint.ca_file", &error);
        }
        if let Some(file) = settings.reload.token_file.as_deref() {
            self.look_at_token(file);
        }
        if endpoint.name.is_none() && endpoint.fixed.is_empty() && !endpoint.private_dns {
            self.warn(
                "endpoint",
                "has none of `name`, `private_dns` and `fixed`".into(),
                "set `name` to the endpoint's DNS name, unless NAMEPLATE_ENDPOINT or `serve --endpoint` does",
            );
        }
    }

    /// Warns of the host of an invoke URL in the place of an endpoint's name. With private DNS it even works.
    fn look_at_names(&mut self, settings: &Settings) {
        let named = settings.endpoints.iter().map(|(name, endpoint)| (format!("endpoints.{name}.name"), endpoint));
        for (key, endpoint) in std::iter::once(("endpoint.name".to_owned(), &settings.endpoint)).chain(named) {
            let Some(name) = &endpoint.name else { continue };
            if name.contains(".execute-api.") && !name.contains(".vpce.") {
                let what = format!("`{name}` is the name of an API, and the DNS name of an endpoint is needed");
                let help = "write the endpoint's name, which ends in `.vpce.amazonaws.com`; where it has private DNS \
                            names, `private_dns: true`";
                self.warn(&key, what, help);
            }
        }
    }

    fn look_at_tls(&mut self, tls: &ListenerTls, key: &str) {
        match inspect(tls) {
            Ok(None) => {}
            Ok(Some(what)) => {
                let help =
                    "renew it; Nameplate serves it all the same, and a load balancer that does not verify takes it";
                self.warn(&format!("{key}.certificate"), what, help);
            }
            Err(errors) => {
                for error in errors {
                    self.unusable(&key_of(&error, tls, key), &error);
                }
            }
        }
    }

    fn look_at_token(&mut self, file: &Path) {
        let what = match std::fs::read_to_string(file) {
            Ok(token) if token.trim().is_empty() => "it is empty".to_owned(),
            Ok(_) => return,
            Err(e) => e.to_string(),
        };
        let what = format!("{}: {what}", file.display());
        self.problems.push(Problem::new("reload.token_file", what, "write the token into it, or correct the path"));
    }

    fn unusable(&mut self, key: &str, error: &CertificateError) {
        let said = error.to_string();
        let (what, help) = match said.split_once("; ") {
            Some((what, help)) => (what, help),
            None if said.contains("os error") => {
                (said.as_str(), "correct the path; a relative one starts where the settings file is")
            }
            None if said.contains("not the key of") => {
                (said.as_str(), "name the key that the certificate was made for")
            }
            None => (said.as_str(), "name a file in PEM form, which begins with `-----BEGIN`"),
        };
        self.problems.push(Problem::new(key, what, help));
    }

    fn warn(&mut self, key: &str, what: String, help: &'static str) {
        self.warnings.push(Problem::new(key, what, help));
    }
}

/// The key that names the file of an error.
fn key_of(error: &CertificateError, tls: &ListenerTls, key: &str) -> String {
    let CertificateError::Pem { file, .. } = error else { return key.to_owned() };
    let name = match &tls.identity {
        Identity::Files { certificate, .. } if certificate == file => "certificate",
        Identity::Files { key, .. } if key == file => "key",
        Identity::Files { .. } | Identity::SelfSigned(_) => "client_ca",
    };
    format!("{key}.{name}")
}
