//! The paths that a piece of code names: in `use` trees, in code, and among the tokens of a macro.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Attribute, ImplItemFn, Item, ItemMod, ItemUse, Macro, Meta, Path, UseTree, VisRestricted};

/// One path, where it stands, and how.
pub(super) struct Named {
    pub(super) path: Vec<String>,
    pub(super) line: usize,
    pub(super) how: How,
}

/// How a path is named.
#[derive(PartialEq, Eq)]
pub(super) enum How {
    /// `use path as name`.
    Import(String),
    /// `use path::*`.
    Glob,
    /// In code, or in a macro.
    Code,
}

/// Collects the paths of an item, without those of modules in it and, where `tests` says so, of tests.
pub(super) struct Paths {
    pub(super) tests: bool,
    pub(super) found: Vec<Named>,
}

impl Paths {
    fn add(&mut self, path: Vec<String>, line: usize, how: How) {
        self.found.push(Named { path, line, how });
    }

    fn tree(&mut self, before: &[String], tree: &UseTree) {
        let line = tree.span().start().line;
        let with = |name: &syn::Ident| [before, &[name.to_string()]].concat();
        match tree {
            UseTree::Path(path) => self.tree(&with(&path.ident), &path.tree),
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.tree(before, tree)),
            UseTree::Glob(_) => self.add(before.to_vec(), line, How::Glob),
            UseTree::Rename(rename) => self.add(with(&rename.ident), line, How::Import(rename.rename.to_string())),
            UseTree::Name(name) if name.ident == "self" => {
                let last = before.last().cloned().unwrap_or_default();
                self.add(before.to_vec(), line, How::Import(last));
            }
            UseTree::Name(name) => self.add(with(&name.ident), line, How::Import(name.ident.to_string())),
        }
    }

    /// Every `a::b` among the tokens, as far as it is one.
    fn tokens(&mut self, tokens: TokenStream) {
        let tokens: Vec<_> = tokens.into_iter().collect();
        let colons = |at: usize| is_colon(tokens.get(at)) && is_colon(tokens.get(at + 1));
        let mut at = 0;
        while at < tokens.len() {
            let (first, mut path) = (at, Vec::new());
            while let Some(TokenTree::Ident(name)) = tokens.get(at) {
                path.push(name.to_string());
                at += 1;
                if !(colons(at) && matches!(tokens.get(at + 2), Some(TokenTree::Ident(_)))) {
                    break;
                }
                at += 2;
            }
            if path.len() > 1 {
                self.add(path, tokens[first].span().start().line, How::Code);
            }
            if let Some(TokenTree::Group(group)) = tokens.get(at) {
                self.tokens(group.stream());
            }
            at += usize::from(at == first || matches!(tokens.get(at), Some(TokenTree::Group(_))));
        }
    }
}

impl<'c> Visit<'c> for Paths {
    fn visit_item(&mut self, item: &'c Item) {
        if self.tests || !is_test(attributes(item)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_impl_item_fn(&mut self, item: &'c ImplItemFn) {
        if self.tests || !is_test(&item.attrs) {
            visit::visit_impl_item_fn(self, item);
        }
    }

    fn visit_item_mod(&mut self, _: &'c ItemMod) {}

    fn visit_item_use(&mut self, item: &'c ItemUse) {
        self.tree(&[], &item.tree);
    }

    fn visit_path(&mut self, path: &'c Path) {
        let names: Vec<_> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        if names.len() > 1 {
            self.add(names, path.span().start().line, How::Code);
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'c Macro) {
        self.visit_path(&call.path);
        self.tokens(call.tokens.clone());
    }

    fn visit_attribute(&mut self, attribute: &'c Attribute) {
        if let Meta::List(list) = &attribute.meta {
            self.tokens(list.tokens.clone());
        }
    }

    /// `pub(in crate::live)` uses nothing.
    fn visit_vis_restricted(&mut self, _: &'c VisRestricted) {}
}

/// Reports whether it stands under `#[cfg(test)]`.
pub(super) fn is_test(attributes: &[Attribute]) -> bool {
    let names_test = |tokens: TokenStream| tokens.into_iter().any(|token| token.to_string() == "test");
    attributes.iter().any(|attribute| match &attribute.meta {
        Meta::List(list) => list.path.is_ident("cfg") && names_test(list.tokens.clone()),
        _ => false,
    })
}

/// The attributes of an item that may stand under `#[cfg(test)]`.
pub(super) fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// The name that an item defines.
pub(super) fn name(item: &Item) -> Option<String> {
    let name = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Macro(item) => item.ident.as_ref()?,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::TraitAlias(item) => &item.ident,
        Item::Type(item) => &item.ident,
        Item::Union(item) => &item.ident,
        _ => return None,
    };
    Some(name.to_string())
}

/// Every word and sign of the text in its order, those inside brackets and macros included, with its line.
pub(super) fn words(tokens: TokenStream) -> Vec<(String, usize)> {
    let mut found = Vec::new();
    for token in tokens {
        let line = token.span().start().line;
        match token {
            TokenTree::Group(group) => {
                if group.delimiter() == Delimiter::Bracket {
                    found.push(("[".to_owned(), line));
                }
                found.extend(words(group.stream()));
            }
            TokenTree::Literal(_) => {}
            other => found.push((other.to_string(), line)),
        }
    }
    found
}

fn is_colon(token: Option<&TokenTree>) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == ':')
}
