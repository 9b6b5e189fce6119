//! What a group that goes has left at the API server, whatever the caches say.

use envoy_config::istio::names;
use kube::ResourceExt as _;
use kube::api::{Api, DynamicObject, ListParams, PartialObjectMeta};

use super::{Pass, ReconcileError, gateways};
use crate::cluster::world::istio;

/// An object without its content.
type Meta = PartialObjectMeta<DynamicObject>;

impl Pass<'_> {
    /// Whether the API server too has nothing of the group any more. What a cache has not seen yet would be left
    /// over for ever: a rule that admits requests into a lane that nobody knows.
    pub(super) async fn nothing_is_left(&self) -> Result<bool, ReconcileError> {
        let (group, namespace) = (names::GROUP_LABEL, names::GROUP_NAMESPACE_LABEL);
        let labels = format!("{group}={},{namespace}={}", self.name, self.namespace);
        let own = ListParams::default().labels(&labels);
        for kind in ["EnvoyFilter", "DestinationRule"] {
            if !self.live(kind, &own).await?.is_empty() {
                return Ok(false);
            }
        }
        let gateways = self.live("EnvoyFilter", &ListParams::default().labels(names::ENTRY_LABEL)).await?;
        Ok(!gateways
            .iter()
            .any(|gateway| gateways::serves(gateway.annotations(), &self.namespace, &self.name)))
    }

    /// Objects as the API server has them, without their content.
    async fn live(&self, kind: &str, params: &ListParams) -> Result<Vec<Meta>, ReconcileError> {
        let (client, resource) = (self.ctx.client.clone(), istio(kind));
        let api: Api<DynamicObject> = match self.ctx.world.namespaces {
            Some(_) => Api::all_with(client, &resource),
            None => Api::namespaced_with(client, &self.namespace, &resource),
        };
        Ok(api.list_metadata(params).await.map_err(|error| self.failed(error))?.items)
    }
}
