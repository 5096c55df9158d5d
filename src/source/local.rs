//! The mapping at a path: a file or a folder, which is found when it is read.

use std::path::{Path, PathBuf};

use async_trait::async_trait;

use super::error::FetchError;
use super::fetch::{ChangeKind, FetchMode, Fetched, Source};
use super::file::File;
use super::file_access::FileAccess;
use super::folder::Folder;
use nameplate_core::settings::ReloadRules;

/// The mapping at a path.
pub(super) struct Local {
    access: FileAccess<PathBuf>,
    path: PathBuf,
    settings: ReloadRules,
    source: Box<dyn Source>,
    kind: Kind,
    /// Something was brought: from now on the path stays of this kind.
    is_settled: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    File,
    Folder,
}

impl Local {
    /// The mapping in a file, until the path is seen to be a folder.
    pub(super) fn new(path: &Path, settings: &ReloadRules) -> Local {
        let file = Box::new(File::new(path, settings));
        let access = FileAccess::new(path.to_owned());
        Local {
            access,
            path: path.into(),
            settings: settings.clone(),
            source: file,
            kind: Kind::File,
            is_settled: false,
        }
    }

    /// Makes it the source that the path is now. A path where nothing is may become either.
    async fn settle_kind(&mut self) {
        // A call that fails has a reason that reading the file names.
        let is_folder = self.access.run(|path| path.is_dir()).await.unwrap_or(false);
        let kind = if is_folder { Kind::Folder } else { Kind::File };
        if kind != self.kind {
            self.source = match kind {
                Kind::File => Box::new(File::new(&self.path, &self.settings)),
                Kind::Folder => Box::new(Folder::new(&self.path, &self.settings)),
            };
            self.kind = kind;
        }
    }
}

#[async_trait]
impl Source for Local {
    async fn fetch(&mut self, mode: FetchMode) -> Result<Fetched, FetchError> {
        if !self.is_settled {
            self.settle_kind().await;
        }
        let fetched = self.source.fetch(mode).await;
        self.is_settled |= fetched.is_ok();
        fetched
    }

    async fn changed(&mut self) -> ChangeKind {
        self.source.changed().await
    }
}
