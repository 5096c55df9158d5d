//! API Gateway's lists of one account and region: REST APIs, private custom domain names, and their routes.

use std::collections::BTreeMap;
use std::error::Error;

use aws_sdk_apigateway::Client;
use aws_sdk_apigateway::error::{ProvideErrorMetadata, SdkError};
use serde::Deserialize;

use super::calls::{ACCESS_ASSOCIATIONS, BASE_PATH_MAPPINGS, Call, DOMAIN_NAMES, REST_APIS, ROUTING_RULES};
use super::gateway::{Fault, RestApi, fault_of, kinds, pages, patiently};
use super::session::Session;
use super::signed::{Request, segment};

/// The size of a page: the most that AWS gives.
const PAGE: i32 = 500;

/// API Gateway in one account and region.
#[derive(Debug)]
pub(crate) struct Catalog<'s> {
    session: &'s Session,
    client: Client,
}

/// A REST API of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ListedApi {
    /// Its id.
    pub id: String,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// Its name, endpoints and policy.
    pub api: RestApi,
}

/// A private custom domain name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PrivateDomain {
    /// The name, which other accounts may have too.
    pub name: String,
    /// Its id, which no other one has.
    pub id: String,
    /// Both, with account and region.
    pub arn: String,
    /// The certificate that API Gateway answers with.
    pub certificate_arn: Option<String>,
    /// Its resource policy; empty where it has none.
    pub policy: String,
    /// The kinds of routes that it uses: base path mappings, routing rules, or rules and then mappings.
    pub routing_mode: Option<String>,
    /// The versions of TLS and the ciphers that it takes.
    pub security_policy: Option<String>,
    /// True if it asks for a client's certificate.
    pub has_mutual_tls: bool,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
}

/// A base path of a custom domain name, and where it leads.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct BasePathMapping {
    /// Without slashes at its ends; `None` for every path that no other one takes.
    pub base_path: Option<String>,
    /// The API's id.
    pub api_id: String,
    /// The stage. Without one, the caller names it in the path.
    pub stage: Option<String>,
}

/// An association of a private custom domain name with a VPC endpoint that may call it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AccessAssociation {
    /// The ARN of the domain name.
    pub domain_arn: String,
    /// The VPC endpoint's id.
    pub source: String,
}

/// A page of routing rules, as the second version of API Gateway gives it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RulesPage {
    #[serde(default)]
    routing_rules: Vec<RoutingRule>,
    next_token: Option<String>,
}

/// A routing rule.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct RoutingRule {
    /// Its id.
    pub routing_rule_id: String,
    /// Rules are tried in this order, the lowest first.
    pub priority: i64,
    /// All of them must hold.
    pub conditions: Vec<RuleCondition>,
    /// The actions, which are taken then.
    pub actions: Vec<RuleAction>,
}

/// A condition of a routing rule.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct RuleCondition {
    /// The path starts with one of these.
    pub match_base_paths: Option<AnyOf<String>>,
    /// A header has a value that one of these matches.
    pub match_headers: Option<AnyOf<MatchedHeader>>,
}

/// Some, of which one is enough.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AnyOf<T> {
    /// All of them.
    #[serde(default = "Vec::new")]
    pub any_of: Vec<T>,
}

/// A header that a rule asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct MatchedHeader {
    /// Its name.
    pub header: String,
    /// The pattern of its value; `*` stands for anything.
    pub value_glob: String,
}

/// The action of a routing rule.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct RuleAction {
    /// It invokes an API.
    pub invoke_api: Option<InvokeApi>,
}

/// The API that a routing rule invokes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct InvokeApi {
    /// Its id.
    pub api_id: String,
    /// The stage.
    pub stage: String,
    /// True if the base path that matched is removed from the path.
    pub strip_base_path: bool,
}

impl Session {
    /// API Gateway's lists.
    pub(crate) fn catalog(&self) -> Catalog<'_> {
        Catalog { session: self, client: Client::new(&self.config) }
    }
}

impl Catalog<'_> {
    /// Every REST API, private or not.
    pub(crate) async fn rest_apis(&self) -> Result<Vec<ListedApi>, Fault> {
        let request = self.client.get_rest_apis().limit(PAGE);
        let items = pages(async |position| {
            let page = patiently(|| request.clone().set_position(position.clone()).send()).await;
            let page = page.map_err(|e| self.fault("list the REST APIs", &REST_APIS, &e))?;
            Ok((page.items.unwrap_or_default(), page.position))
        });
        Ok(items.await?.into_iter().map(listed).collect())
    }

    /// Every private custom domain name of this account.
    pub(crate) async fn private_domains(&self) -> Result<Vec<PrivateDomain>, Fault> {
        let request = self.client.get_domain_names().limit(PAGE);
        let items = pages(async |position| {
            let page = patiently(|| request.clone().set_position(position.clone()).send()).await;
            let page = page.map_err(|e| self.fault("list the custom domain names", &DOMAIN_NAMES, &e))?;
            Ok((page.items.unwrap_or_default(), page.position))
        });
        let private =
            items.await?.into_iter().filter(|of| kinds(of.endpoint_configuration()).contains(&PRIVATE.into()));
        Ok(private.map(domain).collect())
    }

    /// The base path mappings of a private custom domain name.
    pub(crate) async fn base_path_mappings(&self, domain: &PrivateDomain) -> Result<Vec<BasePathMapping>, Fault> {
        let request = self.client.get_base_path_mappings().domain_name(&domain.name).domain_name_id(&domain.id);
        let request = request.limit(PAGE);
        let act = format!("list the base path mappings of {}", domain.name);
        let items = pages(async |position| {
            let page = patiently(|| request.clone().set_position(position.clone()).send()).await;
            let page = page.map_err(|e| self.fault(&act, &BASE_PATH_MAPPINGS, &e))?;
            Ok((page.items.unwrap_or_default(), page.position))
        });
        let mapping = |of: aws_sdk_apigateway::types::BasePathMapping| BasePathMapping {
            // AWS writes `(none)` for what has none.
            base_path: of.base_path.filter(|path| !matches!(&**path, "" | "(none)")),
            api_id: of.rest_api_id.unwrap_or_default(),
            stage: of.stage.filter(|stage| !matches!(&**stage, "" | "(none)")),
        };
        Ok(items.await?.into_iter().map(mapping).collect())
    }

    /// Lists the VPC endpoints of this account that may call private custom domain names.
    pub(crate) async fn access_associations(&self) -> Result<Vec<AccessAssociation>, Fault> {
        let request = self.client.get_domain_name_access_associations().limit(PAGE);
        let items = pages(async |position| {
            let page = patiently(|| request.clone().set_position(position.clone()).send()).await;
            let page = page.map_err(|e| self.fault("list the access associations", &ACCESS_ASSOCIATIONS, &e))?;
            Ok((page.items.unwrap_or_default(), page.position))
        });
        let association = |of: aws_sdk_apigateway::types::DomainNameAccessAssociation| AccessAssociation {
            domain_arn: of.domain_name_arn.unwrap_or_default(),
            source: of.access_association_source.unwrap_or_default(),
        };
        Ok(items.await?.into_iter().map(association).collect())
    }

    /// The routing rules of a private custom domain name, in the order in which they are tried.
    pub(crate) async fn routing_rules(&self, domain: &PrivateDomain) -> Result<Vec<RoutingRule>, Fault> {
        let path = format!("/v2/domainnames/{}/routingrules", segment(&domain.name));
        let rules = pages(async |token| {
            let mut parameters = vec![("domainNameId", &*domain.id)];
            parameters.extend(token.as_deref().map(|token| ("nextToken", token)));
            let request = Request::get(&ROUTING_RULES, &path, &parameters);
            let RulesPage { routing_rules, next_token } = self.session.json(&request).await?;
            Ok((routing_rules, next_token))
        });
        let mut rules = rules.await?;
        rules.sort_by_key(|rule| rule.priority);
        Ok(rules)
    }

    fn fault<E>(&self, act: &str, call: &Call, error: &SdkError<E>) -> Fault
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        fault_of(act, &call.rights(&self.session.region), error)
    }
}

const PRIVATE: &str = "PRIVATE";

fn listed(of: aws_sdk_apigateway::types::RestApi) -> ListedApi {
    let endpoints = of.endpoint_configuration.as_ref();
    let api = RestApi {
        kinds: kinds(endpoints),
        endpoint_ids: endpoints.map(|of| of.vpc_endpoint_ids().to_vec()).unwrap_or_default(),
        access_mode: of.endpoint_access_mode.map(|mode| mode.as_str().to_owned()),
        name: of.name.unwrap_or_default(),
        policy: of.policy.unwrap_or_default(),
        is_closed: of.disable_execute_api_endpoint,
    };
    let tags = of.tags.unwrap_or_default().into_iter().collect();
    ListedApi { id: of.id.unwrap_or_default(), tags, api }
}

fn domain(of: aws_sdk_apigateway::types::DomainName) -> PrivateDomain {
    PrivateDomain {
        name: of.domain_name.unwrap_or_default(),
        id: of.domain_name_id.unwrap_or_default(),
        arn: of.domain_name_arn.unwrap_or_default(),
        certificate_arn: of.certificate_arn.or(of.regional_certificate_arn),
        policy: of.policy.unwrap_or_default(),
        routing_mode: of.routing_mode.map(|mode| mode.as_str().to_owned()),
        security_policy: of.security_policy.map(|policy| policy.as_str().to_owned()),
        has_mutual_tls: of.mutual_tls_authentication.is_some(),
        tags: of.tags.unwrap_or_default().into_iter().collect(),
    }
}
