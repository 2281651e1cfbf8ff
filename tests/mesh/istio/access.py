"""AuthorizationPolicies as RBAC, PeerAuthentications as TLS: who may call, and how it is proved.

Tokens are checked by `tests.mesh.istio.tokens`.
"""

from collections.abc import Callable, Iterator

from scripts.manifests.objects import Object, title
from tests.mesh.istio.envoy import certificate, filter_of, tls
from tests.mesh.istio.fields import Fields, UnknownFieldError, reading
from tests.mesh.istio.tokens import JWT, PAYLOAD
from tests.mesh.istio.world import TRUST_DOMAIN, Place, World

STRICT, PERMISSIVE = "STRICT", "PERMISSIVE"
_MODES = {mode: mode for mode in (STRICT, PERMISSIVE)}
_ANY = {"any": True}
_NEVER = {"permissions": [{"not_rule": _ANY}], "principals": [{"not_id": _ANY}]}


def authorization(world: World, pod: Place) -> Object | None:
    """The filter that lets in whom policies name; None for a pod that has no policy."""
    rules = _policies(world, pod)
    kind = "extensions.filters.http.rbac.v3.RBAC"
    return filter_of("envoy.filters.http.rbac", kind, rules=rules) if rules else None


def authorization_of_bytes(world: World, pod: Place) -> Object | None:
    """The same for what is no HTTP."""
    rules, kind = _policies(world, pod), "extensions.filters.network.rbac.v3.RBAC"
    return (
        filter_of("envoy.filters.network.rbac", kind, rules=rules, stat_prefix="tcp_")
        if rules
        else None
    )


def _policies(world: World, pod: Place) -> Object | None:
    policies: Object = {}
    for made in world.applying(pod, "AuthorizationPolicy"):
        policies |= _rules(made, pod)
    return {"action": "ALLOW", "policies": policies} if policies else None


def _rules(made: Object, pod: Place) -> Object:
    name = made["metadata"]["name"]
    with reading(made["spec"], f"{title(made)} spec") as spec:
        spec.take("selector")
        spec.one_of("action", {"ALLOW": None, None: None})
        rules = {f"{name}-{n}": _rule(rule, pod) for n, rule in enumerate(spec.each("rules"))}
    return rules or {name: _NEVER}


def _rule(rule: Fields, pod: Place) -> Object:
    principals = [_principal(source, pod) for source in _inner(rule, "from", "source")]
    permissions = [_permission(operation) for operation in _inner(rule, "to", "operation")]
    return {"permissions": permissions or [_ANY], "principals": principals or [_ANY]}


def _inner(rule: Fields, outer: str, inner: str) -> Iterator[Fields]:
    for one in rule.each(outer):
        with one.within(inner) as fields:
            yield fields


def _principal(source: Fields, pod: Place) -> Object:
    accounts = [_account(pod, name) for name in source.take("serviceAccounts", [])]
    spaces = [f".*/ns/{name}/.*" for name in source.take("namespaces", [])]
    known = [[_authenticated(regex) for regex in regexes] for regexes in (accounts, spaces)]
    known.append([_proved(name) for name in source.take("requestPrincipals", [])])
    return {"and_ids": {"ids": [{"or_ids": {"ids": ids}} for ids in known if ids] or [_ANY]}}


def _account(pod: Place, name: str) -> str:
    space, _, account = name.rpartition("/")
    return f"spiffe://.+/ns/{space or pod.namespace}/(.+/|)sa/{account}(/.+)?"


def _authenticated(regex: str) -> Object:
    return {"authenticated": {"principal_name": {"safe_regex": {"regex": regex}}}}


def _proved(name: str) -> Object:
    """Whoever a token that was found good names, `issuer/subject`."""
    if name != "*":
        raise UnknownFieldError(f"only any requestPrincipal, *, is translated: {name}")
    some = {"string_match": {"safe_regex": {"regex": ".+"}}}
    claims = [
        {"metadata": {"filter": JWT, "path": [{"key": PAYLOAD}, {"key": claim}], "value": some}}
        for claim in ("iss", "sub")
    ]
    return {"and_ids": {"ids": claims}}


def _permission(operation: Fields) -> Object:
    methods = [_method(name) for name in operation.take("methods", [])]
    paths = [_path(name) for name in operation.take("paths", [])]
    ports = [{"destination_port": int(number)} for number in operation.take("ports", [])]
    known = [{"or_rules": {"rules": rules}} for rules in (methods, paths, ports) if rules]
    return {"and_rules": {"rules": known or [_ANY]}}


def _method(name: str) -> Object:
    return {"header": {"name": ":method", "string_match": {"exact": name}}}


def _path(path: str) -> Object:
    if "*" in path[:-1]:
        raise UnknownFieldError(f"only a star at a path's end is translated: {path}")
    match = {"prefix": path[:-1]} if path.endswith("*") else {"exact": path}
    return {"url_path": {"path": match}}


def modes(world: World, pod: Place) -> Callable[[int], str]:
    """How each port of a pod is spoken to: by mutual TLS alone, or in plain text as well."""
    general = PERMISSIVE
    ports: dict[int, str] = {}
    found = list(world.applying(pod, "PeerAuthentication"))
    # The namespace's first, then what is about the pod itself.
    for made in sorted(found, key=lambda one: "selector" in one["spec"]):
        with reading(made["spec"], f"{title(made)} spec") as spec:
            spec.take("selector")
            with spec.within("mtls") as mtls:
                general = mtls.one_of("mode", _MODES)
            ports |= {
                int(port): _mode(said, spec.where)
                for port, said in (spec.take("portLevelMtls") or {}).items()
            }
    return lambda port: ports.get(port, general)


def _mode(said: Object, where: str) -> str:
    with reading(said, f"{where}.portLevelMtls") as fields:
        return fields.one_of("mode", _MODES)


def chains(world: World, pod: Place, filters: list[Object], mode: str) -> list[Object]:
    """Filter chains of what comes in: by mutual TLS, and in plain where that is allowed."""
    secured = {
        "filter_chain_match": {"transport_protocol": "tls"},
        "transport_socket": _mutual(world, pod),
        "filters": filters,
    }
    plain = {"filter_chain_match": {"transport_protocol": "raw_buffer"}, "filters": filters}
    return [secured, plain] if mode == PERMISSIVE else [secured]


def _mutual(world: World, pod: Place) -> Object:
    trusted = {"filename": str(world.certificates / "authority.pem")}
    ours = {"san_type": "URI", "matcher": {"prefix": f"spiffe://{TRUST_DOMAIN}/"}}
    context = {
        "tls_certificates": [certificate(world.certificates, pod.name)],
        "validation_context": {"trusted_ca": trusted, "match_typed_subject_alt_names": [ours]},
        "alpn_protocols": ["h2", "http/1.1"],
        "tls_params": {"tls_minimum_protocol_version": "TLSv1_2"},
    }
    return tls("DownstreamTlsContext", common_tls_context=context, require_client_certificate=True)
