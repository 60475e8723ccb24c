//! Catalogs: the names of one kind of component, and how each is created from its fields.

use std::fmt;

use serde::{Serialize, de::DeserializeOwned};

use super::{Registry, RegistryError};
use crate::part::{Fault, Part, PartError};

/// Maps names to functions that create a `T` from its fields.
pub struct Catalog<T> {
    one: &'static str,
    many: &'static str,
    entries: Vec<(String, Maker<T>)>,
    /// Applied to each created `T`, with its part after all defaults were filled in.
    finish: fn(T, &Part) -> T,
}

type Maker<T> = Box<dyn Fn(&mut Part, &Registry) -> Result<T, PartError> + Send + Sync>;

impl<T> Catalog<T> {
    pub(crate) fn new(one: &'static str, many: &'static str) -> Self {
        Self { one, many, entries: Vec::new(), finish: |made, _| made }
    }

    /// Returns the catalog with `finish`, which is applied to each created `T` with the part it was created from.
    pub(crate) fn finishing(self, finish: fn(T, &Part) -> T) -> Self {
        Self { finish, ..self }
    }

    /// Registers `name`. Its fields are deserialised as a `C`, which should have defaults and deny unknown fields.
    /// `make` checks them and creates the component. If a field is itself a [`Part`], `make` creates it through the
    /// registry that it is given.
    ///
    /// # Errors
    /// [`RegistryError`] if the name is already registered.
    pub fn add<C: Serialize + DeserializeOwned + 'static>(
        &mut self,
        name: &str,
        make: impl Fn(&mut C, &Registry) -> Result<T, PartError> + Send + Sync + 'static,
    ) -> Result<(), RegistryError> {
        if self.entries.iter().any(|(known, _)| known == name) {
            return Err(RegistryError { kind: self.one, name: name.to_owned() });
        }
        let maker = move |part: &mut Part, registry: &Registry| {
            let mut fields: C = part.read()?;
            let made = make(&mut fields, registry)?;
            part.write(&fields)?;
            Ok(made)
        };
        self.entries.push((name.to_owned(), Box::new(maker)));
        Ok(())
    }

    /// Creates the component that `part` names, and writes fields that were left at their defaults into `part`.
    ///
    /// # Errors
    /// [`PartError`] if the name is unknown, or if its fields cannot be read or are out of range.
    pub fn make(&self, part: &mut Part, registry: &Registry) -> Result<T, PartError> {
        let entry = self.entries.iter().find(|(name, _)| *name == part.name);
        let (_, make) = entry.ok_or_else(|| {
            let known = self.names().map(str::to_owned).collect();
            Fault::Unknown { one: self.one, many: self.many, found: part.name.clone(), known }
        })?;
        let made = make(part, registry)?;
        Ok((self.finish)(made, part))
    }

    /// All names, in registration order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|(name, _)| name.as_str())
    }
}

impl<T> fmt::Debug for Catalog<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.names()).finish()
    }
}
