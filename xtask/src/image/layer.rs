//! Layers of images, and archives: their bytes depend on the names and contents of their files alone.

use anyhow::Result;
use flate2::{Compression, GzBuilder};
use tar::{Builder, EntryType, Header};

/// The best one makes a module smaller by half a hundredth, and takes three times as long for programs.
const COMPRESSION: Compression = Compression::new(6);

/// A file of a layer.
pub(super) struct File<'a> {
    /// Its path from the root, without the slash.
    pub(super) path: &'a str,
    /// What it holds.
    pub(super) content: &'a [u8],
    /// Its rights.
    pub(super) mode: u32,
}

/// A layer as it is and as it is stored.
pub(super) struct Layer {
    /// The archive, which the image's configuration names.
    pub(super) tar: Vec<u8>,
    /// The archive, compressed.
    pub(super) gzip: Vec<u8>,
}

/// Packs files into a layer.
pub(super) fn pack(files: &[File<'_>]) -> Result<Layer> {
    let tar = archive(files)?;
    // Without a name and a time inside.
    let mut encoder = GzBuilder::new().mtime(0).write(Vec::new(), COMPRESSION);
    std::io::Write::write_all(&mut encoder, &tar)?;
    let gzip = encoder.finish()?;
    Ok(Layer { tar, gzip })
}

/// An archive of files, with the folders that they are in; all of them belong to root and are of 1970.
pub(super) fn archive(files: &[File<'_>]) -> Result<Vec<u8>> {
    let mut builder = Builder::new(Vec::new());
    let mut folders: Vec<&str> =
        files.iter().filter_map(|file| Some(file.path.rsplit_once('/')?.0)).collect();
    folders.dedup();
    for folder in folders {
        let mut header = header(EntryType::Directory, 0o755, 0);
        builder.append_data(&mut header, format!("{folder}/"), &[][..])?;
    }
    for file in files {
        let mut header = header(EntryType::Regular, file.mode, file.content.len() as u64);
        builder.append_data(&mut header, file.path, file.content)?;
    }
    Ok(builder.into_inner()?)
}

fn header(kind: EntryType, mode: u32, size: u64) -> Header {
    let mut header = Header::new_ustar();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(size);
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    header
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn a_layer_holds_its_files_and_nothing_of_this_machine() {
        let files = [
            File { path: "etc/passwd", content: b"root", mode: 0o644 },
            File { path: "plugin.wasm", content: b"\0asm", mode: 0o755 },
        ];
        let layer = pack(&files).unwrap();
        assert_eq!(layer.gzip, pack(&files).unwrap().gzip);
        let mut unpacked = Vec::new();
        flate2::read::GzDecoder::new(&layer.gzip[..]).read_to_end(&mut unpacked).unwrap();
        assert_eq!(unpacked, layer.tar);
        let mut archive = tar::Archive::new(&unpacked[..]);
        let mut seen = Vec::new();
        for entry in archive.entries().unwrap() {
            let mut entry = entry.unwrap();
            let header = entry.header();
            assert_eq!((header.mtime().unwrap(), header.uid().unwrap(), header.gid().unwrap()), (0, 0, 0));
            let about = (entry.path().unwrap().display().to_string(), header.mode().unwrap());
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            seen.push((about, content));
        }
        let want = |path: &str, mode, content: &[u8]| ((path.to_owned(), mode), content.to_vec());
        assert_eq!(
            seen,
            [
                want("etc/", 0o755, b""),
                want("etc/passwd", 0o644, b"root"),
                want("plugin.wasm", 0o755, b"\0asm")
            ]
        );
    }
}
