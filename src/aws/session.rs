//! Credentials of an account, once for all of its regions.
//!
//! They come from the SDK's default chain, from a profile, or from a role that is assumed with either.

use aws_config::{Region, SdkConfig};
use aws_sdk_apigateway::config::{Credentials, ProvideCredentials, SharedCredentialsProvider};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::calls::CALLER;
use super::client::{assumed_role, http_connector, load_config};
use super::gateway::{Fault, FaultKind, Gateway, chain};
use super::signed::{Request, Signer};
use nameplate_core::accounts::Account;

/// The session name of an assumed role, which CloudTrail shows.
const SESSION: &str = "nameplate-read";

/// An account in one region.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    /// The account's name, or its id where it has none.
    pub name: String,
    /// The account's id.
    pub account: String,
    /// The region.
    pub region: String,
    pub(super) config: SdkConfig,
    signer: Signer,
}

/// The response of GetCallerIdentity.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CallerIdentity {
    get_caller_identity_result: Caller,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Caller {
    account: String,
}

impl Session {
    /// Signs in to an account. Returns a session for each of its regions.
    pub(crate) async fn open(account: &Account) -> Result<Vec<Session>, Fault> {
        let mut config = load_config(account.profile.as_deref(), account.regions.first().map(String::as_str)).await;
        let mut regions = account.regions.clone();
        if regions.is_empty() {
            regions.extend(config.region().map(|region| region.as_ref().to_owned()));
        }
        let Some(first) = regions.first().cloned() else {
            let help = "name one: --region eu-west-1, REGIONS in the file of accounts, or AWS_REGION";
            return Err(Fault { what: "no region".to_owned(), help: help.into(), kind: FaultKind::Input });
        };
        config = config.into_builder().region(Region::new(first)).build();
        let credentials = credentials(account, &config).await?;
        let provider = SharedCredentialsProvider::new(credentials.clone());
        let connector = http_connector();
        let mut sessions: Vec<Session> = Vec::new();
        for region in regions {
            let config = config.clone().into_builder().region(Region::new(region.clone()));
            let config = config.credentials_provider(provider.clone()).build();
            let id = role_account(account).map(str::to_owned);
            let (account, name) = (id.unwrap_or_default(), account.name.clone().unwrap_or_default());
            let signer = Signer {
                region: region.clone(),
                endpoint: config.endpoint_url().filter(|url| !url.is_empty()).map(str::to_owned),
                credentials: credentials.clone(),
                connector: connector.clone(),
            };
            sessions.push(Session { name, account, region, config, signer });
        }
        if role_account(account).is_none() {
            let id = sessions[0].account_id().await?;
            sessions.iter_mut().for_each(|session| session.account.clone_from(&id));
        }
        for session in sessions.iter_mut().filter(|session| session.name.is_empty()) {
            session.name.clone_from(&session.account);
        }
        Ok(sessions)
    }

    /// API Gateway of this account and region.
    pub(crate) fn gateway(&self) -> Gateway {
        Gateway::of(&self.config, &self.region)
    }

    /// The response to a signed request, as XML.
    pub(crate) async fn xml<T: DeserializeOwned>(&self, request: &Request) -> Result<T, Fault> {
        self.signer.xml(request).await
    }

    /// The response to a signed request, as JSON.
    pub(crate) async fn json<T: DeserializeOwned>(&self, request: &Request) -> Result<T, Fault> {
        self.signer.json(request).await
    }

    async fn account_id(&self) -> Result<String, Fault> {
        let request = Request::query(&CALLER, "2011-06-15", &[]);
        let of: CallerIdentity = self.xml(&request).await?;
        Ok(of.get_caller_identity_result.account)
    }
}

/// Names an account in an error before its id is known.
pub(crate) fn called(account: &Account) -> String {
    match (&account.name, &account.role, &account.profile) {
        (Some(name), _, _) => format!("the account `{name}`"),
        (None, Some(role), _) => format!("the role `{role}`"),
        (None, None, Some(profile)) => format!("the profile `{profile}`"),
        (None, None, None) => "the credentials at hand".to_owned(),
    }
}

fn role_account(account: &Account) -> Option<&str> {
    account.role.as_deref()?.split(':').nth(4)
}

async fn credentials(account: &Account, config: &SdkConfig) -> Result<Credentials, Fault> {
    let help = match (&account.role, &account.profile) {
        (Some(_), _) => "its trust policy must let these credentials assume it, with the EXTERNAL_ID it asks for",
        (None, Some(_)) => "check the profile in ~/.aws/config, and sign in where it needs that: aws sso login",
        (None, None) => {
            "give it credentials: a profile (AWS_PROFILE), AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a role"
        }
    };
    let fault =
        |said: String| Fault { what: format!("no credentials: {said}"), help: help.into(), kind: FaultKind::Other };
    let found = match &account.role {
        Some(arn) => {
            assumed_role((arn, account.external_id.as_deref()), SESSION, config).await.provide_credentials().await
        }
        None => match config.credentials_provider() {
            Some(provider) => provider.provide_credentials().await,
            None => return Err(fault("there is no source of credentials".to_owned())),
        },
    };
    found.map_err(|e| fault(chain(&e)))
}
