"""The OCR model: two engines behind one `predict`."""

from collections import defaultdict
from collections.abc import Sequence

from meshkit.errors import DependencyUnavailable, ModelNotReady, PagemeshError
from meshkit.model import ModelIdentity, PageInput, PageModel
from servers.ocr import languages
from servers.ocr.config import OcrConfig
from servers.ocr.detection import DetectionSettings
from servers.ocr.domain import Engine, OcrOptions, OcrResult, Tier
from servers.ocr.ppocr import PpOcrEngine, PpOcrSettings, weights_digest
from servers.ocr.tesseract import TesseractEngine, not_installed

VERSION = "1.5.0"


class OcrModel(PageModel[OcrOptions, OcrResult]):
    """Reads pages one by one, each with the engine that its request asks for."""

    concurrent = True

    def __init__(self, config: OcrConfig) -> None:
        self._config = config
        self._ppocr: PpOcrEngine | None = None
        self._tesseract: TesseractEngine | None = None

    def load(self) -> ModelIdentity:
        """Open the networks and look for Tesseract.

        Raises:
            DependencyUnavailable: the default engine is not there.
            RuntimeError: CUDA is asked for and is not there.
            InvalidInput: the default engine lacks one of the default languages.
        """
        self._ppocr = PpOcrEngine(_settings(self._config))
        try:
            self._tesseract = TesseractEngine.start(self._config.tesseract_timeout)
        except DependencyUnavailable:
            if self._config.engine is Engine.TESSERACT:
                raise
        self._check_defaults()
        return ModelIdentity("ocr", VERSION, weights_digest(self._config.words), self._ppocr.device)

    def predict(
        self, pages: Sequence[PageInput[OcrOptions]]
    ) -> Sequence[OcrResult | PagemeshError]:
        """The text of each page; an unknown language or a failing engine fails its page alone."""
        answers: dict[int, OcrResult | PagemeshError] = {}
        alike: dict[tuple[Tier, tuple[str, ...]], list[int]] = defaultdict(list)
        for place, page in enumerate(pages):
            try:
                if self._engine_of(page.options) is Engine.TESSERACT:
                    answers[place] = self._by_tesseract(page)
                else:
                    alike[self._reading_of(page.options)].append(place)
            except PagemeshError as error:
                answers[place] = error
        for (tier, wanted), places in alike.items():
            texts = self._loaded_ppocr().read([pages[i].image for i in places], tier, wanted)
            for place, lines in zip(places, texts, strict=True):
                answers[place] = OcrResult(lines, Engine.PPOCR, tier)
        return [answers[place] for place in range(len(pages))]

    def close(self) -> None:
        if self._ppocr is not None:
            self._ppocr.close()
            self._ppocr = None

    def _engine_of(self, options: OcrOptions) -> Engine:
        return options.engine or self._config.engine

    def _reading_of(self, options: OcrOptions) -> tuple[Tier, tuple[str, ...]]:
        """How PP-OCR is to read a page."""
        tier = options.tier or self._config.tier
        known = self._loaded_ppocr().languages(tier)
        wanted = options.languages or self._config.languages
        return tier, languages.choose(wanted, known, f"{Engine.PPOCR.value} {tier.value}")

    def _by_tesseract(self, page: PageInput[OcrOptions]) -> OcrResult:
        wanted = page.options.languages or self._config.languages
        lines = self._loaded_tesseract().read(page.image, page.dpi, wanted)
        return OcrResult(lines, Engine.TESSERACT, None)

    def _check_defaults(self) -> None:
        if self._config.engine is Engine.PPOCR:
            self._reading_of(OcrOptions())
        else:
            available = self._loaded_tesseract().available
            languages.choose(self._config.languages, available, self._config.engine.value)

    def _loaded_ppocr(self) -> PpOcrEngine:
        if self._ppocr is None:
            raise ModelNotReady("the OCR model is not loaded")
        return self._ppocr

    def _loaded_tesseract(self) -> TesseractEngine:
        if self._tesseract is None:
            raise not_installed()
        return self._tesseract


def _settings(config: OcrConfig) -> PpOcrSettings:
    return PpOcrSettings(
        device=config.device,
        detector_threads=config.intra_op_threads,
        line_workers=config.line_workers,
        lowest_confidence=config.lowest_line_confidence,
        words=config.words,
        detection=DetectionSettings(long_side=config.detection_long_side),
    )
