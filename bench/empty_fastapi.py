"""An empty FastAPI route under uvicorn: what Python's usual way of serving can answer a second."""

from fastapi import FastAPI, Request

app = FastAPI(openapi_url=None)


@app.get("/health")
async def health() -> dict[str, str]:
    """Answer, as long as the process lives."""
    return {"status": "ok"}


@app.post("/predict")
async def predict(request: Request) -> dict[str, float]:
    """Take the body and answer at once."""
    await request.body()
    return {}
