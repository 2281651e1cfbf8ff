"""The pipelines that a document can be read by."""

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.responses import Response

from gateway.identity import Caller
from gateway.resources import json_of
from gateway.routes.parts import TheDocuments, problems
from pagemesh.orchestrator.v1 import orchestrator_service_pb2 as pb

router = APIRouter(tags=["pipelines"])


class Step(BaseModel):
    """A step of a pipeline."""

    name: str = Field(description="Its name in the pipeline.")
    stage: str = Field(description="What does it: `ocr`, or a plug-in.")
    after: list[str] = Field(description="Steps that it follows.")
    when: str = Field(description="Its condition; empty: always.")


class Pipeline(BaseModel):
    """A pipeline that can be asked for."""

    name: str = Field(description="What a request names.")
    version: str = Field(description="That its definition states.")
    description: str = Field(description="What it is for.")
    is_default: bool = Field(description="Whether it is taken when a request names none.")
    steps: list[Step] = Field(description="In the order of its definition.")


class PipelineList(BaseModel):
    """All pipelines, by name."""

    pipelines: list[Pipeline]


@router.get(
    "/v1/pipelines",
    summary="List pipelines",
    response_model=PipelineList,
    responses=problems(504),
)
async def pipelines(client: Caller, documents: TheDocuments) -> Response:
    """What `pipeline` of a request may name."""
    del client
    shown = PipelineList(pipelines=[_pipeline_of(each) for each in await documents.pipelines()])
    return Response(json_of(shown), media_type="application/json")


def _pipeline_of(pipeline: pb.Pipeline) -> Pipeline:
    return Pipeline(
        name=pipeline.identity.name,
        version=pipeline.identity.version,
        description=pipeline.description,
        is_default=pipeline.is_default,
        steps=[
            Step(name=step.name, stage=step.stage, after=list(step.after), when=step.when)
            for step in pipeline.steps
        ],
    )
