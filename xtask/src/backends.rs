//! The backends that the integration tests run against: what they are, how they are installed and how they run.
//!
//! [`pins`] holds every version and image. [`jaeger`], [`zipkin`] and [`collector`] say how one is set up, and [`setups`] tells which is whose;
//! [`install`] gets its program into the [`cache`], [`docker`] its image, which [`image`] builds; an [`engine`] is for where none
//! runs. A [`lock`] is held by one run at a time. An [`instance`] runs, in either form, and takes orders over [`control`]. [`documented`] holds `docs/backends.md` to all this.

pub(crate) mod cache;
pub(crate) mod certificates;
pub(crate) mod collector;
pub(crate) mod control;
pub(crate) mod docker;
pub(crate) mod documented;
pub(crate) mod engine;
pub(crate) mod image;
pub(crate) mod install;
pub(crate) mod instance;
pub(crate) mod jaeger;
pub(crate) mod lock;
pub(crate) mod pins;
pub(crate) mod port;
pub(crate) mod probe;
pub(crate) mod setup;
pub(crate) mod setups;
pub(crate) mod tool;
pub(crate) mod zipkin;
