//! What goes wrong around the controller, and what must hold nevertheless: it converges to what an undisturbed
//! run ends at, and on the way there are never two truths.
//!
//! ```text
//! history.rs    every version of every object, as watches tell them
//! truths.rs     what must hold at every version
//! forms.rs      objects without what may differ between two runs
//! changes.rs    the changes that are interrupted
//! stage.rs      a mesh, its controller behind a proxy, and the history of its objects
//! killed.rs     killed before and after every write
//! outage.rs     the API server is away
//! clocks.rs     two controllers whose clocks are apart
//! stale.rs      watches that stand still
//! deleted.rs    objects deleted half-way
//! announced.rs  killed between an announcement and its place in the status
//! ```

mod announced;
mod changes;
mod clocks;
mod deleted;
mod forms;
mod history;
mod killed;
mod outage;
mod stage;
mod stale;
mod truths;
