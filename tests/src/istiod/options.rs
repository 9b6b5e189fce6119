//! What kind of mesh a test wants of istiod.

/// Options of [`super::IstioMesh::start`]: by default the chain a → b → c behind a gateway, with a gray version of
/// a and c, permissive, with a trail.
#[derive(Clone, Debug)]
pub struct IstioOptions {
    /// Services in the order of calls, each with its lanes; `None` is the baseline.
    pub services: Vec<(String, Vec<Option<String>>)>,
    /// Further arguments of `lanectl init`.
    pub init: Vec<String>,
    /// Istio's objects of the user, YAML with one or more documents.
    pub objects: String,
}

/// A gateway for all hosts, which leads to a.
const GATEWAY: &str = "
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: shop}
spec:
  selector: {app: gateway}
  servers:
  - port: {number: 8080, name: http, protocol: HTTP}
    hosts: ['*']
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: shop}
spec:
  hosts: ['*']
  gateways: [shop]
  http:
  - name: main
    route:
    - destination: {host: a}
";

impl Default for IstioOptions {
    fn default() -> Self {
        Self { services: Vec::new(), init: vec!["--trail".to_owned()], objects: GATEWAY.to_owned() }
            .service("a", &[None, Some("gray")])
            .service("b", &[None])
            .service("c", &[None, Some("gray")])
    }
}

impl IstioOptions {
    /// A mesh without services yet.
    #[must_use]
    pub fn empty() -> Self {
        Self { services: Vec::new(), ..Self::default() }
    }

    /// One more service at the end of the chain.
    #[must_use]
    pub fn service(mut self, name: &str, lanes: &[Option<&str>]) -> Self {
        let lanes = lanes.iter().map(|lane| lane.map(str::to_owned)).collect();
        self.services.push((name.to_owned(), lanes));
        self
    }

    /// A further argument of `lanectl init`.
    #[must_use]
    pub fn init(mut self, argument: &str) -> Self {
        self.init.push(argument.to_owned());
        self
    }

    /// Further objects of the user.
    #[must_use]
    pub fn objects(mut self, yaml: &str) -> Self {
        self.objects.push_str("---\n");
        self.objects.push_str(yaml);
        self
    }

    /// Other objects of the user, also in place of the gateway's.
    #[must_use]
    pub fn only_objects(self, yaml: &str) -> Self {
        Self { objects: yaml.to_owned(), ..self }
    }
}
