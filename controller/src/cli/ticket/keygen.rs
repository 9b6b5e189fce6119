//! `lanectl ticket keygen`: a new pair of keys.

use std::path::PathBuf;

use clap::Args;
use lane::model::TicketKey;
use lane::name::KeyId;
use lane::ticket::SecretKey;

use super::key_file::KeyFile;
use crate::cli::error::CommandError;
use crate::cli::ui::Ui;
use crate::standalone::documents::yaml;
use crate::standalone::error::Error;

/// Make a key: the private one goes into a file, the public one is printed for the lane group
#[derive(Debug, Args)]
pub(super) struct KeygenArgs {
    /// Name of the key, by which tickets name it: another one for each key
    #[arg(long, value_name = "NAME")]
    id: KeyId,
    /// File for the private key, which must not exist; only its owner may read it
    #[arg(long, value_name = "FILE", default_value = super::issue::KEY_FILE)]
    key: PathBuf,
}

pub(super) fn run(args: &KeygenArgs, ui: &Ui) -> Result<u8, CommandError> {
    let mut random = [0; 32];
    getrandom::fill(&mut random)
        .map_err(|error| Error::Internal(format!("there are no random bytes: {error}")))?;
    let key = SecretKey::from_random(random).map_err(|error| Error::Internal(error.to_string()))?;
    let public = TicketKey { id: args.id.clone(), public_key: key.public(), expires: None };
    KeyFile { id: args.id.clone(), key }.create(&args.key)?;
    ui.say(&format!("the private key is in {}; keep it from others", args.key.display()));
    ui.say("the public key goes into spec.tickets.keys of the lane group:");
    Ok(ui.data(&yaml(&[public])?)?)
}
