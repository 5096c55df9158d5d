//! How it stands, in one line.

use maud::{Markup, html};

use super::figures::{age, count, counted};
use super::view::View;
use crate::live::reload::Cause;
use crate::live::status::{Origin, Trouble};

/// How much it matters; said in a word and not by a colour alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    /// All is well.
    Good,
    /// Requests are served, and somebody should look.
    Attention,
    /// Requests are not to be sent here.
    Bad,
}

impl Tone {
    fn word(self) -> &'static str {
        match self {
            Tone::Good => "Ready",
            Tone::Attention => "Attention",
            Tone::Bad => "Not ready",
        }
    }

    fn class(self) -> &'static str {
        match self {
            Tone::Good => "good",
            Tone::Attention => "attention",
            Tone::Bad => "bad",
        }
    }
}

/// What it says, the first that is true.
pub(super) fn headline(view: &View<'_>) -> (Tone, String) {
    let live = view.live();
    if view.admin.clients.draining() {
        let open = counted(view.admin.clients.open(), "connection is", "connections are");
        return (Tone::Bad, format!("Draining: the process is stopping, and {open} still open"));
    }
    if view.snapshot.table.is_empty() {
        let why = view.report.trouble.as_ref().map(|trouble| format!(": {}", reason(trouble)));
        return (Tone::Bad, format!("No mapping is in force{}", why.unwrap_or_default()));
    }
    let domains = counted(view.snapshot.table.domains(), "domain", "domains");
    if !view.admin.endpoints.at(0).endpoint.is_ready() {
        return (Tone::Bad, format!("{domains} mapped, and no address of the endpoint is known"));
    }
    if let Some(Trouble { cause: Cause::Entries(_), .. }) = &view.report.trouble {
        let why = view.report.trouble.as_ref().map(reason).unwrap_or_default();
        return (Tone::Attention, format!("Serving {domains}; {why}"));
    }
    if let Some(trouble) = &view.report.trouble {
        return (Tone::Attention, format!("Serving the last good mapping: {}", reason(trouble)));
    }
    if let Some(endpoint_state) = view.admin.endpoints.all().iter().find(|endpoint_state| {
        let addresses = endpoint_state.counts();
        addresses.local[0] + addresses.other[0] == 0 && addresses.local[1] + addresses.other[1] > 0
    }) {
        return (
            Tone::Attention,
            format!("Serving {domains}; every address of endpoint {} is failing", endpoint_state.label),
        );
    }
    if matches!(view.report.in_force, Some((_, Origin::Cache))) {
        let stale = age(live.mapping.staleness(view.now.time));
        return (Tone::Attention, format!("Serving {domains} from the cache: the source last had them {stale} ago"));
    }
    (Tone::Good, format!("Serving {domains} · ready"))
}

/// Why what the source has is not in force, in a few words.
pub(super) fn reason(trouble: &Trouble) -> String {
    match &trouble.cause {
        Cause::Rejected(faults) => format!("the new one has {}", counted(faults.len(), "fault", "faults")),
        Cause::Held(held) => {
            let (removed, domains) = (count(held.removed), count(held.domains));
            format!("the new one is held, because it removes {removed} of {domains} domains")
        }
        Cause::Grown(grown) => {
            format!("the new one is held, because it grows to {} {}", grown.size, grown.measure)
        }
        Cause::Parts(errors) => {
            format!(
                "{} of {} parts are not active as the source has them",
                count(errors.list.len()),
                count(errors.parts)
            )
        }
        Cause::Entries(held) => {
            format!(
                "{} of {} entries are held, because their new targets answer worse than the old ones",
                count(held.list.len()),
                count(held.entries)
            )
        }
        Cause::Unsettled => "the new one is being written".into(),
        Cause::Failed(_) => "its source cannot be read".into(),
    }
}

pub(super) fn section((tone, headline): &(Tone, String)) -> Markup {
    html! {
        // Read out when it changes, and only then: the script leaves it alone while it says the same.
        p #state .state .(tone.class()) role="status" data-live {
            strong.badge { (tone.word()) } " "
            span #headline { (headline) }
        }
    }
}
