"""Seeds with damage, by hypothesis, which finds the smallest damage that still does harm."""

from collections.abc import Sequence

from hypothesis import strategies as st


@st.composite
def damaged(draw: st.DrawFn, seeds: Sequence[bytes]) -> bytes:
    """A seed with parts replaced, left out, repeated or filled in; or bytes of no seed."""
    content = draw(st.sampled_from(seeds) | st.binary(max_size=200))
    for _ in range(draw(st.integers(0, 6))):
        start = draw(st.integers(0, len(content)))
        end = min(len(content), start + draw(st.integers(0, 40)))
        filling = draw(
            st.binary(max_size=20)
            | st.sampled_from(seeds).map(lambda seed: seed[:100])
            | st.builds(lambda byte, count: byte * count, st.binary(max_size=2), st.integers(0, 9))
        )
        content = content[:start] + filling + content[end:]
    return content
