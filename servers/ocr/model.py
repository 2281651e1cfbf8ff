"""The OCR model: two engines behind one `predict`."""

from collections.abc import Sequence

from meshkit.errors import DependencyUnavailable, ModelNotReady, PagemeshError
from meshkit.model import ModelIdentity, PageInput, PageModel
from servers.ocr import languages
from servers.ocr.config import OcrConfig
from servers.ocr.detection import DetectionSettings
from servers.ocr.domain import Engine, OcrOptions, OcrResult
from servers.ocr.ppocr import PpOcrEngine, PpOcrSettings, weights_digest
from servers.ocr.tesseract import TesseractEngine, not_installed

VERSION = "1.0.0"


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
        self._check_languages(self._config.engine, self._config.languages)
        return ModelIdentity("ocr", VERSION, weights_digest(), self._ppocr.device)

    def predict(
        self, pages: Sequence[PageInput[OcrOptions]]
    ) -> Sequence[OcrResult | PagemeshError]:
        """The text of each page; an unknown language or a failing engine fails its page alone."""
        return [self._answer(page) for page in pages]

    def close(self) -> None:
        if self._ppocr is not None:
            self._ppocr.close()
            self._ppocr = None

    def _answer(self, page: PageInput[OcrOptions]) -> OcrResult | PagemeshError:
        try:
            return self._read(page)
        except PagemeshError as error:
            return error

    def _read(self, page: PageInput[OcrOptions]) -> OcrResult:
        engine = page.options.engine or self._config.engine
        wanted = page.options.languages or self._config.languages
        if engine is Engine.TESSERACT:
            lines = self._loaded_tesseract().read(page.image, page.dpi, wanted)
            return OcrResult(lines, engine, None)
        self._check_languages(engine, wanted)
        tier = page.options.tier or self._config.tier
        return OcrResult(self._loaded_ppocr().read(page.image, tier), engine, tier)

    def _check_languages(self, engine: Engine, wanted: Sequence[str]) -> None:
        if engine is Engine.TESSERACT:
            languages.choose(wanted, self._loaded_tesseract().available, engine.value)
        else:
            languages.choose(wanted, self._loaded_ppocr().available, engine.value)

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
        detection=DetectionSettings(long_side=config.detection_long_side),
    )
