"""Overlays build and are valid, what objects name is there, and each planted mistake is seen."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scripts.manifests import problems
from scripts.manifests.objects import NAMESPACE, Objects, Pod, namespace
from tests.unit.k8s.overlays import NAMES, component, composed, overlay

Mistake = Callable[[Objects], None]


@pytest.mark.parametrize("name", NAMES)
def test_what_is_named_is_there(name: str) -> None:
    assert problems(overlay(name)) == []


@pytest.mark.parametrize("name", NAMES)
def test_no_object_is_there_twice_and_all_are_ours(name: str) -> None:
    objects = overlay(name).all
    names = [(made["kind"], namespace(made), made["metadata"]["name"]) for made in objects]
    assert len(set(names)) == len(names) > 30
    part = "app.kubernetes.io/part-of"
    assert {made["metadata"]["labels"][part] for made in objects} == {NAMESPACE}


def find(objects: Objects, kind: str, name: str) -> Any:
    made = objects.find(kind, name)
    assert made is not None
    return made


def server(objects: Objects, kind: str, name: str) -> Any:
    """The main container of a workload."""
    return Pod(find(objects, kind, name)).spec["containers"][0]


def remove(objects: Objects, kind: str, name: str) -> None:
    objects.all.remove(find(objects, kind, name))


def knobs(objects: Objects) -> Any:
    (made,) = [o for o in objects.of("ConfigMap") if o["metadata"]["name"].startswith("knobs-")]
    return made["data"]


def variable(container: Any, name: str) -> Any:
    (made,) = [v for v in container["env"] if v["name"] == name]
    return made


def test_a_door_that_knows_no_clients_is_open(tmp_path: Path) -> None:
    found = problems(composed(tmp_path / "open", "components/istio", "wiring"))
    assert [line.partition(", ")[0] for line in found] == [
        "strangers: Deployment gateway: everybody outside may use it",
        "strangers: Deployment gateway: each of its pods signs webhooks by a secret of its own",
    ]


def test_without_an_issuer_grpc_stays_inside(tmp_path: Path) -> None:
    objects = composed(tmp_path / "closed", "components/istio", "components/clients", "wiring")
    assert problems(objects) == []
    rules = find(objects, "AuthorizationPolicy", "orchestrator")["spec"]["rules"]
    assert [one["from"] for one in rules] == [[{"source": {"serviceAccounts": ["gateway"]}}]]
    routes = find(objects, "VirtualService", "doors")["spec"]["http"]
    led = [part["destination"] for one in routes for part in one.get("route", [])]
    assert led == [{"host": "gateway"}]


def test_knobs_of_the_issuer_are_where_they_belong(tmp_path: Path) -> None:
    knobs = {
        "OIDC_ISSUER": "https://id.example.net/realm",
        "OIDC_AUDIENCE": "forms",
        "OIDC_JWKS_URL": "https://keys.example.net/a/b",
        "OIDC_CLIENT_CLAIM": "azp",
    }
    literals = [f"{name}={value}" for name, value in knobs.items()]
    own = component(tmp_path / "knobs", literals)
    parts = ("components/istio", "components/clients", "components/oidc")
    objects = composed(tmp_path / "overlay", *parts, own, "wiring")
    assert problems(objects) == []
    rule = _token_rule(objects)
    assert (rule["issuer"], rule["audiences"]) == (knobs["OIDC_ISSUER"], ["forms"])
    assert rule["jwksUri"] == knobs["OIDC_JWKS_URL"]
    assert rule["outputClaimToHeaders"] == [{"header": "pagemesh-subject", "claim": "azp"}]
    assert find(objects, "ServiceEntry", "issuer")["spec"]["hosts"] == ["keys.example.net"]


def _service_of_nobody(objects: Objects) -> None:
    find(objects, "Service", "ocr")["spec"]["selector"]["app.kubernetes.io/name"] = "orc"


def _selector_of_others(objects: Objects) -> None:
    spec = find(objects, "Deployment", "ocr")["spec"]
    del spec["selector"]["matchLabels"]["pagemesh.dev/track"]


def _budget_of_nobody(objects: Objects) -> None:
    find(objects, "PodDisruptionBudget", "ocr")["spec"]["selector"]["matchLabels"] = {"app": "ocr"}


def _policy_of_nobody(objects: Objects) -> None:
    spec = find(objects, "NetworkPolicy", "models")["spec"]
    spec["podSelector"]["matchLabels"]["app.kubernetes.io/component"] = "models"


def _scaled_nobody(objects: Objects) -> None:
    find(objects, "ScaledObject", "orchestrator")["spec"]["scaleTargetRef"]["kind"] = "Deployment"


def _target_port(objects: Objects) -> None:
    find(objects, "Service", "ocr")["spec"]["ports"][0]["targetPort"] = "http"


def _probe_port(objects: Objects) -> None:
    server(objects, "Deployment", "ocr")["readinessProbe"]["grpc"]["port"] = 50052


def _policy_port(objects: Objects) -> None:
    spec = find(objects, "NetworkPolicy", "models")["spec"]
    spec["ingress"][0]["ports"][0]["port"] = "gprc"


def _no_account(objects: Objects) -> None:
    remove(objects, "ServiceAccount", "ocr")


def _wrong_caller(objects: Objects) -> None:
    spec = find(objects, "AuthorizationPolicy", "models")["spec"]
    spec["rules"][0]["from"][0]["source"]["serviceAccounts"] = ["orchestartor"]


def _no_key(objects: Objects) -> None:
    del knobs(objects)["MODEL_SOCKET"]


def _no_config(objects: Objects) -> None:
    container = server(objects, "StatefulSet", "orchestrator")
    container["envFrom"][0]["configMapRef"]["name"] = "document"


def _no_secret(objects: Objects) -> None:
    volumes = Pod(find(objects, "StatefulSet", "orchestrator")).spec["volumes"]
    (volume,) = [v for v in volumes if v["name"] == "kafka-user"]
    volume["secret"]["secretName"] = "orchestrator-user"


def _unknown_variable(objects: Objects) -> None:
    name = "PAGEMESH_OCR_DRAIN_SECONDS"
    variable(server(objects, "Deployment", "ocr"), name)["name"] = "PAGEMESH_OCR_DRAIN_SECS"


def _bad_value(objects: Objects) -> None:
    knobs(objects)["DEVICE"] = "gpu"


def _others_variable(objects: Objects) -> None:
    name = "PAGEMESH_OCR_DEVICE"
    variable(server(objects, "Deployment", "ocr"), name)["name"] = "PAGEMESH_ORC_DEVICE"


def _bad_pair(objects: Objects) -> None:
    container = server(objects, "StatefulSet", "orchestrator")
    variable(container, "PAGEMESH_ORCHESTRATOR_KAFKA_SECURITY")["value"] = "TLS"


def _unmounted_state(objects: Objects) -> None:
    container = server(objects, "StatefulSet", "orchestrator")
    variable(container, "PAGEMESH_ORCHESTRATOR_STATE_DIR")["value"] = "/data/documents"


def _other_socket(objects: Objects) -> None:
    knobs(objects)["SIDECAR_UPSTREAM"] = "unix:/run/pagemesh/ocr.sock"


def _wrong_target(objects: Objects) -> None:
    knobs(objects)["OCR_TARGET"] = "dns:///orc:50051"


def _wrong_target_port(objects: Objects) -> None:
    knobs(objects)["OCR_TARGET"] = "dns:///ocr:50053"


def _wrong_store(objects: Objects) -> None:
    container = server(objects, "Deployment", "gateway")
    variable(container, "PAGEMESH_GATEWAY_STORE_URL")["value"] = "mongodb://mongo:27017/pagemesh"


def _moving_tag(objects: Objects) -> None:
    server(objects, "Deployment", "ocr")["image"] = "registry.example.org/pagemesh/ocr:latest"


def _unknown_image(objects: Objects) -> None:
    server(objects, "Deployment", "ocr")["image"] = "registry.example.org/pagemesh/orc:0.1.0"


def _unknown_subset(objects: Objects) -> None:
    route = find(objects, "VirtualService", "ocr")["spec"]["http"][0]["route"]
    route[0]["destination"]["subset"] = "v2"


def _empty_subset(objects: Objects) -> None:
    subsets = find(objects, "DestinationRule", "ocr")["spec"]["subsets"]
    subsets[0]["labels"]["pagemesh.dev/track"] = "blue"


def _weights(objects: Objects) -> None:
    find(objects, "VirtualService", "ocr")["spec"]["http"][0]["route"][0]["weight"] = 90


def _unknown_host(objects: Objects) -> None:
    find(objects, "DestinationRule", "ocr")["spec"]["host"] = "orc"


def _unknown_clients(objects: Objects) -> None:
    env = server(objects, "Deployment", "gateway")["env"]
    env[:] = [v for v in env if not v["name"].endswith(("_API_KEYS_FILE", "_OIDC_ISSUER"))]


def _own_secrets(objects: Objects) -> None:
    env = server(objects, "Deployment", "gateway")["env"]
    env.remove(variable({"env": env}, "PAGEMESH_GATEWAY_WEBHOOK_SECRETS"))


def _misspelt_secret(objects: Objects) -> None:
    made = variable(server(objects, "Deployment", "gateway"), "PAGEMESH_GATEWAY_WEBHOOK_SECRETS")
    made["valueFrom"]["secretKeyRef"]["name"] = "gateway-client"


def _unmounted_keys(objects: Objects) -> None:
    mounts = server(objects, "Deployment", "gateway")["volumeMounts"]
    mounts[:] = [one for one in mounts if one["name"] != "clients"]


def _uncounted(objects: Objects) -> None:
    made = variable(server(objects, "Deployment", "gateway"), "PAGEMESH_GATEWAY_LIMITS_URL")
    made["value"] = "redis://cache:6379/2"


def _from_outside(objects: Objects) -> Any:
    """What lets gRPC's callers in."""
    rules = find(objects, "AuthorizationPolicy", "orchestrator")["spec"]["rules"]
    return rules[1]["from"][0]["source"]


def _no_token(objects: Objects) -> None:
    del _from_outside(objects)["requestPrincipals"]


def _anybody_with_a_token(objects: Objects) -> None:
    del _from_outside(objects)["serviceAccounts"]


def _forged_caller(objects: Objects) -> None:
    del find(objects, "VirtualService", "doors")["spec"]["http"][0]["headers"]


def _unchecked_tokens(objects: Objects) -> None:
    remove(objects, "RequestAuthentication", "orchestrator")


def _tokens_of_nobody(objects: Objects) -> None:
    spec = find(objects, "RequestAuthentication", "orchestrator")["spec"]
    spec["selector"]["matchLabels"]["app.kubernetes.io/component"] = "orchestartor"


def _token_rule(objects: Objects) -> Any:
    return find(objects, "RequestAuthentication", "orchestrator")["spec"]["jwtRules"][0]


def _any_audience(objects: Objects) -> None:
    del _token_rule(objects)["audiences"]


def _forged_subject(objects: Objects) -> None:
    _token_rule(objects)["outputClaimToHeaders"][0]["header"] = "pagemesh-client"


def _two_issuers(objects: Objects) -> None:
    _token_rule(objects)["issuer"] = "https://old.example.org"


def _unknown_issuer(objects: Objects) -> None:
    remove(objects, "ServiceEntry", "issuer")


def _unknown_gateway(objects: Objects) -> None:
    find(objects, "VirtualService", "doors")["spec"]["gateways"] = ["pubic"]


def _host_not_let_in(objects: Objects) -> None:
    find(objects, "VirtualService", "doors")["spec"]["hosts"][0] = "grpc.example.org"


def _gateway_without_selector(objects: Objects) -> None:
    del find(objects, "Gateway", "public")["spec"]["selector"]


def _no_certificate(objects: Objects) -> None:
    find(objects, "Gateway", "public")["spec"]["servers"][0]["tls"] = {"mode": "SIMPLE"}


def _unknown_source_of_documents(objects: Objects) -> None:
    remove(objects, "ServiceEntry", "documents")


def _retries_twice(objects: Objects) -> None:
    find(objects, "VirtualService", "ocr")["spec"]["http"][0]["retries"] = {"attempts": 2}


def _default_retries(objects: Objects) -> None:
    remove(objects, "VirtualService", "ocr")


def _short_grace(objects: Objects) -> None:
    Pod(find(objects, "Deployment", "ocr")).spec["terminationGracePeriodSeconds"] = 60


def _no_sleep(objects: Objects) -> None:
    del server(objects, "Deployment", "ocr")["lifecycle"]


def _no_startup(objects: Objects) -> None:
    del server(objects, "Deployment", "ocr")["startupProbe"]


def _no_limit(objects: Objects) -> None:
    del server(objects, "Deployment", "ocr")["resources"]["limits"]


def _root(objects: Objects) -> None:
    del Pod(find(objects, "Deployment", "ocr")).spec["securityContext"]["runAsNonRoot"]


def _writable(objects: Objects) -> None:
    server(objects, "Deployment", "ocr")["securityContext"]["readOnlyRootFilesystem"] = False


def _node_files(objects: Objects) -> None:
    volumes = Pod(find(objects, "Deployment", "ocr")).spec["volumes"]
    volumes[0] = {"name": volumes[0]["name"], "hostPath": {"path": "/run"}}


def _unmounted_volume(objects: Objects) -> None:
    server(objects, "Deployment", "ocr")["volumeMounts"][0]["name"] = "sock"


def _open_network(objects: Objects) -> None:
    remove(objects, "NetworkPolicy", "default-deny")


def _open_mesh(objects: Objects) -> None:
    remove(objects, "AuthorizationPolicy", "default-deny")


def _permissive(objects: Objects) -> None:
    find(objects, "PeerAuthentication", "default")["spec"]["mtls"]["mode"] = "PERMISSIVE"


MISTAKES: list[tuple[Mistake, str]] = [
    (_service_of_nobody, "selectors: Service ocr selects"),
    (_selector_of_others, "selectors: Deployment ocr selects pods of Deployment ocr-canary"),
    (_budget_of_nobody, "selectors: PodDisruptionBudget ocr selects"),
    (_policy_of_nobody, "selectors: NetworkPolicy models selects"),
    (_scaled_nobody, "selectors: ScaledObject orchestrator scales Deployment orchestrator"),
    (_target_port, "ports: Service ocr leads to port http"),
    (_probe_port, "ports: Deployment ocr server: readinessProbe asks port 50052"),
    (_policy_port, "ports: NetworkPolicy models is about port gprc"),
    (_no_account, "accounts: Deployment ocr runs as service account ocr"),
    (_wrong_caller, "accounts: AuthorizationPolicy models lets orchestartor in"),
    (_no_key, "references: Deployment ocr server: ConfigMap knobs"),
    (_no_config, "references: StatefulSet orchestrator server: ConfigMap document is not there"),
    (
        _no_secret,
        "references: StatefulSet orchestrator: secret orchestrator-user is made by nobody",
    ),
    (_unknown_variable, "environments: Deployment ocr server: PAGEMESH_OCR_DRAIN_SECS: no such"),
    (_bad_value, "environments: Deployment ocr server: PAGEMESH_OCR_DEVICE='gpu'"),
    (
        _others_variable,
        "environments: Deployment ocr server: PAGEMESH_ORC_DEVICE is not read by ocr",
    ),
    (_bad_pair, "environments: StatefulSet orchestrator server: PAGEMESH_ORCHESTRATOR_*: kafka"),
    (
        _unmounted_state,
        "environments: StatefulSet orchestrator server: PAGEMESH_ORCHESTRATOR_STATE",
    ),
    (_other_socket, "addresses: Deployment ocr: the sidecar calls unix:/run/pagemesh/ocr.sock"),
    (_wrong_target, "addresses: StatefulSet orchestrator: the ocr model is to be at"),
    (_wrong_target_port, "addresses: StatefulSet orchestrator: the ocr model is to be at"),
    (_wrong_store, "addresses: Deployment gateway: STORE_URL is"),
    (_moving_tag, "images: Deployment ocr server: registry.example.org/pagemesh/ocr:latest has no"),
    (_unknown_image, "environments: Deployment ocr: image of 'orc'"),
    (_unknown_subset, "routes: VirtualService ocr leads to subset v2 of ocr"),
    (_empty_subset, "routes: DestinationRule ocr: no pod of the service is in subset stable"),
    (_weights, "routes: VirtualService ocr: weights"),
    (_unknown_host, "routes: DestinationRule ocr is about orc"),
    (_unknown_gateway, "doors: VirtualService doors is bound to gateway pubic"),
    (_host_not_let_in, "doors: VirtualService doors is about grpc.example.org"),
    (_gateway_without_selector, "doors: Gateway public selects no ingress"),
    (_no_certificate, "doors: Gateway public: TLS without a certificate"),
    (_unknown_source_of_documents, "doors: documents may come from files.example.org"),
    (_retries_twice, "retries: VirtualService ocr: Istio repeats calls to a model"),
    (_default_retries, "retries: calls to ocr have no VirtualService"),
    (_unknown_clients, "strangers: Deployment gateway: everybody outside may use it"),
    (_own_secrets, "strangers: Deployment gateway: each of its pods signs webhooks by"),
    (_misspelt_secret, "references: Deployment gateway server: secret gateway-client is made by"),
    (_unmounted_keys, "environments: Deployment gateway server: PAGEMESH_GATEWAY_API_KEYS_FILE"),
    (_uncounted, "addresses: Deployment gateway: LIMITS_URL is"),
    (_no_token, "strangers: AuthorizationPolicy orchestrator: who comes in by the ingress needs"),
    (_anybody_with_a_token, "strangers: AuthorizationPolicy orchestrator: a rule lets anybody in"),
    (_forged_caller, "strangers: VirtualService doors: route grpc leaves pagemesh-caller"),
    (_unchecked_tokens, "tokens: AuthorizationPolicy orchestrator asks for tokens, which nothing"),
    (_tokens_of_nobody, "selectors: RequestAuthentication orchestrator selects"),
    (_any_audience, "tokens: RequestAuthentication orchestrator: tokens of other applications"),
    (_forged_subject, "tokens: RequestAuthentication orchestrator: callers may set"),
    (_two_issuers, "tokens: RequestAuthentication orchestrator: Deployment gateway takes other"),
    (_unknown_issuer, "tokens: RequestAuthentication orchestrator: Deployment gateway may not"),
    (_short_grace, "lifecycles: Deployment ocr may take 78 s to end and is given 60 s"),
    (_no_sleep, "lifecycles: Deployment ocr: server ends before the proxies have noticed"),
    (_no_startup, "lifecycles: Deployment ocr: server has no startupProbe"),
    (_no_limit, "lifecycles: Deployment ocr: server has no limit of memory"),
    (_root, "standards: Deployment ocr: may run as root"),
    (_writable, "standards: Deployment ocr: server may write its own image"),
    (_node_files, "standards: Deployment ocr: volume"),
    (_unmounted_volume, "volumes: Deployment ocr mounts sock: no such volume"),
    (_open_network, "denials: namespace pagemesh has no NetworkPolicy"),
    (_open_mesh, "denials: no AuthorizationPolicy"),
    (_permissive, "denials: no PeerAuthentication"),
]


@pytest.mark.parametrize(("plant", "seen"), MISTAKES, ids=[m[0].__name__[1:] for m in MISTAKES])
def test_a_planted_mistake_is_seen(plant: Mistake, seen: str) -> None:
    objects = overlay("canary")
    plant(objects)
    found = problems(objects)
    assert any(line.startswith(seen) for line in found), found
