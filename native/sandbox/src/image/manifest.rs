//! From an index or a manifest to the layers of one image for this machine.

use std::collections::HashMap;

use assay_shared::fault::Result;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::digest::Digest;
use super::source::Source;
use super::{refusal, refuse};

/// What an overlay holds, less our own directories, is more; this is what image builders keep to.
const MAX_LAYERS: usize = 127;
/// An index may point to an index.
const MAX_NESTING: u32 = 4;
const ARCHITECTURE: &str = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };
const REFERENCE_NAMES: [&str; 2] = ["org.opencontainers.image.ref.name", "io.containerd.image.name"];

/// One image, its lowest layer first.
pub struct Image {
    pub layers: Vec<Layer>,
    /// PATH of its environment.
    pub path: Option<String>,
}

pub struct Layer {
    /// Its file in the source.
    pub name: String,
    /// Digest and size of that file, where the image tells them.
    pub blob: Option<(Digest, u64)>,
    /// Digest of the uncompressed archive.
    pub diff_id: Digest,
}

#[derive(Deserialize)]
struct Index {
    #[serde(default)]
    manifests: Vec<Descriptor>,
}

#[derive(Deserialize)]
struct Descriptor {
    #[serde(rename = "mediaType", default)]
    media_type: String,
    digest: String,
    size: u64,
    #[serde(default)]
    annotations: Option<HashMap<String, String>>,
    platform: Option<Platform>,
}

#[derive(Deserialize)]
struct Platform {
    #[serde(default)]
    architecture: String,
    #[serde(default)]
    os: String,
}

#[derive(Deserialize)]
struct Manifest {
    config: Descriptor,
    layers: Vec<Descriptor>,
}

/// An entry of `docker save`'s manifest.json.
#[derive(Deserialize)]
struct Saved {
    #[serde(rename = "Config")]
    config: String,
    #[serde(rename = "RepoTags", default)]
    tags: Option<Vec<String>>,
    #[serde(rename = "Layers")]
    layers: Vec<String>,
}

#[derive(Deserialize)]
struct Config {
    #[serde(default)]
    architecture: String,
    rootfs: RootFs,
    #[serde(default)]
    config: Option<Settings>,
}

#[derive(Deserialize)]
struct RootFs {
    diff_ids: Vec<String>,
}

#[derive(Default, Deserialize)]
struct Settings {
    #[serde(rename = "Env", default)]
    env: Option<Vec<String>>,
}

/// The image of that name, or the only one there is.
pub fn resolve(source: &Source, name: Option<&str>) -> Result<Image> {
    if source.has("index.json") && source.has("oci-layout") {
        return from_index(source, name);
    }
    let saved: Vec<Saved> = parse("manifest.json", &source.document("manifest.json")?)?;
    let tags = |saved: &Saved| saved.tags.clone().unwrap_or_default();
    let saved = only(saved, name, tags)?;
    let config: Config = parse(&saved.config, &source.document(&saved.config)?)?;
    let blobs = saved.layers.into_iter().map(|name| (name, None)).collect();
    image(config, blobs)
}

fn from_index(source: &Source, name: Option<&str>) -> Result<Image> {
    let mut index: Index = parse("index.json", &source.document("index.json")?)?;
    let mut name = name;
    for _ in 0..MAX_NESTING {
        let candidates = index.manifests.into_iter().filter(for_this_machine).collect();
        let found = only(candidates, name, names)?;
        let document = checked(source, &found)?;
        if !found.media_type.contains("index") && !found.media_type.contains("manifest.list") {
            let manifest: Manifest = parse(&found.digest, &document)?;
            let config: Config = parse(&manifest.config.digest, &checked(source, &manifest.config)?)?;
            let blob = |layer: &Descriptor| {
                let digest = Digest::parse(&layer.digest)?;
                Ok((blob_name(&digest), Some((digest, layer.size))))
            };
            return image(config, manifest.layers.iter().map(blob).collect::<Result<_>>()?);
        }
        index = parse(&found.digest, &document)?;
        // The name was that of the inner index as a whole.
        name = None;
    }
    refuse("index.json: an index in an index in an index")
}

fn image(config: Config, blobs: Vec<(String, Option<(Digest, u64)>)>) -> Result<Image> {
    if !config.architecture.is_empty() && config.architecture != ARCHITECTURE {
        return refuse(format!("the image is for {}, this machine is {ARCHITECTURE}", config.architecture));
    }
    let diff_ids = config.rootfs.diff_ids;
    if blobs.is_empty() || blobs.len() > MAX_LAYERS || blobs.len() != diff_ids.len() {
        let (layers, ids) = (blobs.len(), diff_ids.len());
        return refuse(format!("{layers} layers and {ids} diff ids, expected 1 to {MAX_LAYERS} and as many"));
    }
    let layers = blobs.into_iter().zip(diff_ids).map(|((name, blob), diff_id)| {
        let diff_id = Digest::parse(&diff_id)?;
        Ok(Layer { name, blob, diff_id })
    });
    let env = config.config.unwrap_or_default().env.unwrap_or_default();
    let path = env.iter().find_map(|entry| entry.strip_prefix("PATH=")).map(str::to_owned);
    Ok(Image { layers: layers.collect::<Result<_>>()?, path: path.filter(|path| !path.contains('\0')) })
}

/// The one that is asked for, or the only one.
fn only<T>(mut all: Vec<T>, name: Option<&str>, names: impl Fn(&T) -> Vec<String>) -> Result<T> {
    let known: Vec<String> = all.iter().flat_map(&names).collect();
    let known = if known.is_empty() { "none has a name".to_owned() } else { format!("known are {}", known.join(", ")) };
    if let Some(name) = name {
        let is_it = |known: &String| known == name || known.rsplit_once(':').is_some_and(|(_, tag)| tag == name);
        all.retain(|each| names(each).iter().any(is_it));
    }
    match (all.len(), name) {
        (1, _) => Ok(all.remove(0)),
        (0, Some(name)) => refuse(format!("no image {name:?} for linux/{ARCHITECTURE} in it, {known}")),
        (0, None) => refuse(format!("no image for linux/{ARCHITECTURE} in it")),
        (count, _) => refuse(format!("{count} images in it, say which one as PATH:NAME; {known}")),
    }
}

fn names(descriptor: &Descriptor) -> Vec<String> {
    let annotations = descriptor.annotations.as_ref();
    REFERENCE_NAMES.iter().filter_map(|key| annotations?.get(*key).cloned()).collect()
}

fn for_this_machine(descriptor: &Descriptor) -> bool {
    let matches = |found: &str, ours: &str| found.is_empty() || found == ours;
    descriptor
        .platform
        .as_ref()
        .is_none_or(|platform| matches(&platform.os, "linux") && matches(&platform.architecture, ARCHITECTURE))
}

/// A document whose bytes are what the descriptor says.
fn checked(source: &Source, descriptor: &Descriptor) -> Result<Vec<u8>> {
    let digest = Digest::parse(&descriptor.digest)?;
    let document = source.document(&blob_name(&digest))?;
    if document.len() as u64 != descriptor.size || Digest::of(&document) != digest {
        return refuse(format!("blob {digest}: its contents are others"));
    }
    Ok(document)
}

fn blob_name(digest: &Digest) -> String {
    format!("blobs/sha256/{}", digest.hex())
}

fn parse<T: DeserializeOwned>(name: &str, bytes: &[u8]) -> Result<T> {
    serde_json::from_slice(bytes).map_err(|error| refusal(format!("{name}: {error}")))
}
