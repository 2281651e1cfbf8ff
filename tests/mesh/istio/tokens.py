"""RequestAuthentications as jwt_authn: a token that is shown must be good; none is no fault."""

from scripts.manifests.objects import Object, title
from tests.mesh.istio.envoy import filter_of, given
from tests.mesh.istio.fields import Fields, UnknownFieldError, reading
from tests.mesh.istio.world import Place, World

JWT, PAYLOAD = "envoy.filters.http.jwt_authn", "payload"
# Istio's own: these claims are lists of words.
_WORDS = ["permission", "scope"]


def authentication(world: World, pod: Place) -> Object | None:
    """The filter that checks tokens; None for a pod that is shown none."""
    rules = [
        rule
        for made in world.applying(pod, "RequestAuthentication")
        for rule in _rules(world, made)
    ]
    if not rules:
        return None
    if len(rules) > 1:
        raise UnknownFieldError("only one issuer is translated")
    required = {"requirements": [{"provider_name": "origins-0"}, {"allow_missing": {}}]}
    return filter_of(
        JWT,
        "extensions.filters.http.jwt_authn.v3.JwtAuthentication",
        providers={"origins-0": rules[0]},
        rules=[{"match": {"prefix": "/"}, "requires": {"requires_any": required}}],
        bypass_cors_preflight=True,
    )


def _rules(world: World, made: Object) -> list[Object]:
    with reading(made["spec"], f"{title(made)} spec") as spec:
        spec.take("selector")
        return [_provider(world, rule) for rule in spec.each("jwtRules")]


def _provider(world: World, rule: Fields) -> Object:
    headers = [_header(one) for one in rule.each("fromHeaders")]
    claims = [
        {"header_name": one.take("header"), "claim_name": one.take("claim")}
        for one in rule.each("outputClaimToHeaders")
    ]
    return given(
        issuer=rule.take("issuer"),
        audiences=rule.take("audiences"),
        forward=rule.take("forwardOriginalToken"),
        from_headers=headers or None,
        claim_to_headers=claims or None,
        payload_in_metadata=PAYLOAD,
        normalize_payload_in_metadata={"space_delimited_claims": _WORDS},
        # istiod fetches them, and tells proxies.
        local_jwks={"inline_string": world.jwks[rule.take("jwksUri")]},
    )


def _header(fields: Fields) -> Object:
    return given(name=fields.take("name"), value_prefix=fields.take("prefix"))
