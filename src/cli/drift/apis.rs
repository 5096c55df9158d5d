//! The mapping's APIs, as the accounts have them.

use std::collections::BTreeMap;

use futures_util::stream::{self, StreamExt};

use super::scope::{Scope, look_of, reason};
use crate::aws::catalog::ListedApi;
use crate::aws::gateway::{self, Fault, Gateway};
use crate::aws::session::{Session, called};
use nameplate_core::accounts::Account;
use nameplate_plan::drift::deployed::is_named;
use nameplate_plan::drift::kind::{Kind, OF_APIS, OF_STAGES};
use nameplate_plan::drift::observed::{ApiName, Canary, Look, Reason, RestApi, Stage};
use nameplate_plan::policy::Api;

/// Accounts that are read at once.
const ACCOUNTS: usize = 8;

/// APIs of one account and region that are read at once. API Gateway takes 10 requests in a second from an account.
const APIS: usize = 2;

/// One region of one account: the mapping's APIs in it.
type Region = (String, Result<Vec<(String, RestApi)>, Reason>);

/// Looks for each API of the mapping in all accounts.
pub(super) async fn look(scope: &Scope<'_>) -> BTreeMap<ApiName, Look<RestApi>> {
    if !scope.wants(&OF_APIS) {
        return BTreeMap::new();
    }
    let at_hand = [Account::default()];
    let accounts = scope.accounts.unwrap_or(&at_hand);
    let mut regions: Vec<Region> = Vec::new();
    let mut running =
        stream::iter(accounts.iter().map(|account| in_account(scope, account))).buffer_unordered(ACCOUNTS);
    while let Some(of_account) = running.next().await {
        regions.extend(of_account);
    }
    let looks = scope.apis.iter().map(|api| ((api.region.to_owned(), api.id.to_owned()), conclude(api, &regions)));
    looks.collect()
}

/// What all accounts together say of an API: it is gone only where every account was read, and none has it.
fn conclude(api: &Api<'_>, regions: &[Region]) -> Look<RestApi> {
    let here = || regions.iter().filter(|(region, _)| region == api.region).map(|(_, read)| read);
    let found = here().flatten().flatten().find(|(id, _)| id == api.id);
    // Of several accounts that could not be read, the same one is named each time.
    let failed = here().filter_map(|read| read.as_ref().err()).min_by(|a, b| a.what.cmp(&b.what));
    match (found, failed) {
        (Some((_, found)), _) => Look::Found(found.clone()),
        (None, Some(reason)) => Look::Unknown(reason.clone()),
        (None, None) if here().next().is_none() => Look::Unknown(Reason {
            what: format!("no account of --accounts has the region {}", api.region),
            help: "add the region to the account that has the API".to_owned(),
        }),
        (None, None) => Look::Gone,
    }
}

/// Reads those regions of an account that the mapping has APIs in.
async fn in_account(scope: &Scope<'_>, account: &Account) -> Vec<Region> {
    let is_listed = |region: &&str| account.regions.is_empty() || account.regions.iter().any(|of| of == region);
    let regions: Vec<String> = scope.regions().into_iter().filter(is_listed).map(str::to_owned).collect();
    if regions.is_empty() {
        return Vec::new();
    }
    let sessions = match Session::open(&Account { regions: regions.clone(), ..account.clone() }).await {
        Ok(sessions) => sessions,
        Err(fault) => {
            let reason = Reason { what: format!("{}: {}", called(account), fault.what), help: fault.help };
            return regions.into_iter().map(|region| (region, Err(reason.clone()))).collect();
        }
    };
    let mut read = Vec::new();
    for session in &sessions {
        read.push((session.region.clone(), in_region(scope, session).await.map_err(reason)));
    }
    read
}

async fn in_region(scope: &Scope<'_>, session: &Session) -> Result<Vec<(String, RestApi)>, Fault> {
    let listed = session.catalog().rest_apis().await?;
    let gateway = session.gateway();
    let mapped = listed.into_iter().filter_map(|listed| {
        let api = scope.apis.iter().find(|api| api.region == session.region && api.id == listed.id)?;
        Some(details(scope, api, listed, &gateway))
    });
    Ok(stream::iter(mapped).buffer_unordered(APIS).collect().await)
}

/// Reads the stages and the deployments of an API.
async fn details(scope: &Scope<'_>, api: &Api<'_>, listed: ListedApi, gateway: &Gateway) -> (String, RestApi) {
    let ListedApi { id, api: found, .. } = listed;
    let gateway::RestApi { name, kinds, endpoint_ids, policy, is_closed, .. } = found;
    let (stages, deployments) = (Look::Found(Vec::new()), Look::Found(Vec::new()));
    let mut of = RestApi { name, kinds, endpoint_ids, policy, is_closed, stages, deployments };
    if scope.wants(&OF_STAGES) {
        of.stages = look_of(gateway.stages(&id).await).map(|stages| stages.into_iter().map(stage).collect());
    }
    if scope.wants(&[Kind::NotDeployed]) {
        of.deployments = look_of(gateway.deployments(&id).await);
        export(scope, api, &mut of, gateway).await;
    }
    (id, of)
}

/// Reads the exports of the mapped stages whose deployments do not name their policy.
async fn export(scope: &Scope<'_>, api: &Api<'_>, of: &mut RestApi, gateway: &Gateway) {
    let (Look::Found(deployments), mapped) = (of.deployments.clone(), api.stages()) else { return };
    let Look::Found(mut stages) = of.stages.clone() else { return };
    for stage in stages.iter_mut().filter(|stage| mapped.contains(&stage.name)) {
        let served = (&*stage.name, &*stage.deployment);
        if !is_named(api, scope.mapping, &scope.options.policies, (of, &deployments), served) {
            stage.policy = Some(match gateway.exported_policy(api.id, &stage.name).await {
                Ok(Some(policy)) => Look::Found(policy),
                Ok(None) => Look::Gone,
                Err(fault) => Look::Unknown(reason(fault)),
            });
        }
    }
    of.stages = Look::Found(stages);
}

fn stage(of: gateway::Stage) -> Stage {
    let gateway::Stage { name, deployment, canary, .. } = of;
    let canary = canary.map(|of| Canary { deployment: of.deployment, percent: of.percent });
    Stage { name, deployment, canary, policy: None }
}
