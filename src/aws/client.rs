//! The SDK's configuration and the one HTTP client of all calls.

use std::sync::OnceLock;
use std::time::Duration;

use aws_config::sts::AssumeRoleProvider;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_apigateway::config::timeout::TimeoutConfig;
use aws_sdk_apigateway::config::{SharedAsyncSleep, SharedHttpClient};
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_http_client::{Builder, Connector};
use aws_smithy_runtime_api::client::http::{HttpConnectorSettings, SharedHttpConnector};

/// How long one try may take. The SDK tries three times.
pub(super) const ATTEMPT: Duration = Duration::from_secs(15);

/// How long an operation may take, its tries and the waits between them included.
const OPERATION: Duration = Duration::from_secs(60);

/// Loads the SDK's configuration, with this program's client and timeouts.
pub(super) async fn load_config(profile: Option<&str>, region: Option<&str>) -> SdkConfig {
    let timeouts = TimeoutConfig::builder().operation_attempt_timeout(ATTEMPT).operation_timeout(OPERATION).build();
    let mut loader =
        aws_config::defaults(BehaviorVersion::latest()).http_client(http_client()).timeout_config(timeouts);
    if let Some(profile) = profile {
        loader = loader.profile_name(profile);
    }
    if let Some(region) = region {
        loader = loader.region(Region::new(region.to_owned()));
    }
    loader.load().await
}

/// Returns what assumes a role with the credentials of a configuration. CloudTrail shows the name of the session.
pub(super) async fn assumed_role(
    (arn, external_id): (&str, Option<&str>),
    session: &str,
    config: &SdkConfig,
) -> AssumeRoleProvider {
    let mut role = AssumeRoleProvider::builder(arn).session_name(session).configure(config);
    if let Some(id) = external_id {
        role = role.external_id(id);
    }
    role.build().await
}

/// With ring and the proxy of the environment, neither of which the SDK's own client has. All accounts share it: each
/// client reads the system's certificate authorities anew.
fn http_client() -> SharedHttpClient {
    static SHARED: OnceLock<SharedHttpClient> = OnceLock::new();
    let made = || {
        Builder::new().build_with_connector_fn(|settings, components| {
            connector(settings.cloned(), components.and_then(|components| components.sleep_impl()))
        })
    };
    SHARED.get_or_init(made).clone()
}

/// What signed requests are sent with; all accounts share it, too.
pub(super) fn http_connector() -> SharedHttpConnector {
    static SHARED: OnceLock<SharedHttpConnector> = OnceLock::new();
    SHARED.get_or_init(|| SharedHttpConnector::new(connector(None, None))).clone()
}

fn connector(settings: Option<HttpConnectorSettings>, sleep: Option<SharedAsyncSleep>) -> Connector {
    let mut connector = Connector::builder().proxy_config(ProxyConfig::from_env());
    if let Some(settings) = settings {
        connector = connector.connector_settings(settings);
    }
    connector.set_sleep_impl(sleep);
    connector.tls_provider(Provider::Rustls(CryptoMode::Ring)).build()
}
