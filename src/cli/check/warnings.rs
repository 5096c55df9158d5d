//! What to know of a mapping without errors.

use serde::Serialize;

use nameplate_core::domain::limits::stricter_below_wider;
use nameplate_core::domain::route::Route;
use nameplate_core::domain::table::MappingTable;

/// What somebody should know of a mapping without errors.
#[derive(Serialize)]
pub(super) struct Warning {
    pub(super) line: u32,
    pub(super) what: String,
    pub(super) help: &'static str,
}

/// Warns of entries that allow less than one above them, and that other spellings of their paths would go round.
pub(super) fn warnings(table: &MappingTable) -> Vec<Warning> {
    let name = |route: &Route| format!("`{}{}`", route.host(), route.base());
    let warning = |(strict, wide): (usize, usize)| {
        let (strict, wide) = (&table.routes()[strict], &table.routes()[wide]);
        Warning {
            line: strict.line,
            what: format!(
                "{} allows less than {} (line {}), which leads to the same API and stage",
                name(strict),
                name(wide),
                wide.line
            ),
            help: "other spellings of its paths (`//x`, `/%78`) are refused with `ambiguous_path`; what nobody may call \
                   is best refused by the API as well",
        }
    };
    let mut warnings: Vec<_> = stricter_below_wider(table.routes()).into_iter().map(warning).collect();
    warnings.sort_by_key(|warning| warning.line);
    warnings
}
