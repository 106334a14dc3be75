"""A voice in front of your own chatbot: put it into `answer`, and point the server here.

python clients/chatbot.py
voxtral serve --llm-url http://127.0.0.1:9000/v1 --llm-model chatbot
"""

import json
from collections.abc import Iterator
from typing import Any

import uvicorn
from fastapi import FastAPI
from fastapi.responses import StreamingResponse


def answer(text: str) -> str | Iterator[str]:
    """Your chatbot: what it says to this, at once or piece by piece, and then it is spoken piece by piece."""
    return f"You said: {text}."


app = FastAPI()


@app.post("/v1/chat/completions")
def complete(body: dict[str, Any]) -> StreamingResponse:
    """OpenAI's form; `body["messages"]` has all that was said before too. Interrupted, it is left where it is."""

    def events() -> Iterator[str]:
        said = answer(next(each["content"] for each in reversed(body["messages"]) if each["role"] == "user"))
        for piece in (said,) if isinstance(said, str) else said:
            yield f"data: {json.dumps({'choices': [{'delta': {'content': piece}}]})}\n\n"
        yield "data: [DONE]\n\n"

    return StreamingResponse(events(), media_type="text/event-stream")


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=9000)
