"""What the assistant says of its own accord: while a tool takes long, and when something fails."""

from __future__ import annotations

from dataclasses import dataclass

from voxtral_service.errors import NoLanguageModel, Overloaded, UpstreamError, VoxtralError


@dataclass(frozen=True, slots=True)
class Phrases:
    """Sentences in one language."""

    one_moment: str
    unreachable: str
    slow: str
    busy: str
    refused: str
    broken: str
    missing: str

    def apology(self, error: VoxtralError) -> str:
        """What to say instead of the answer that this error prevents."""
        if isinstance(error, UpstreamError):
            said: str = getattr(self, error.trouble)
            return said
        if isinstance(error, NoLanguageModel):
            return self.missing
        return self.busy if isinstance(error, Overloaded) else self.broken


PHRASES = {
    "en": Phrases(
        "One moment.",
        "Sorry, I cannot reach my language model right now.",
        "Sorry, my language model takes too long to answer.",
        "Sorry, my language model is too busy right now. Please try again in a moment.",
        "Sorry, my language model turned me down. Please check its settings.",
        "Sorry, something went wrong with my answer.",
        "Sorry, I have no language model yet. Please plug one in.",
    ),
    "fr": Phrases(
        "Un instant.",
        "Désolé, je n'arrive pas à joindre mon modèle de langue.",
        "Désolé, mon modèle de langue met trop de temps à répondre.",
        "Désolé, mon modèle de langue est trop occupé. Réessayez dans un instant.",
        "Désolé, mon modèle de langue m'a refusé l'accès. Vérifiez ses réglages.",
        "Désolé, ma réponse a échoué.",
        "Désolé, je n'ai pas encore de modèle de langue. Veuillez en brancher un.",
    ),
    "de": Phrases(
        "Einen Moment.",
        "Ich kann mein Sprachmodell gerade leider nicht erreichen.",
        "Mein Sprachmodell braucht leider zu lange für eine Antwort.",
        "Mein Sprachmodell ist gerade leider überlastet. Bitte versuche es gleich noch einmal.",
        "Mein Sprachmodell hat mich leider abgewiesen. Bitte prüfe seine Einstellungen.",
        "Bei meiner Antwort ist leider etwas schiefgegangen.",
        "Ich habe leider noch kein Sprachmodell. Bitte schließe eines an.",
    ),
    "es": Phrases(
        "Un momento.",
        "Lo siento, ahora no puedo conectar con mi modelo de lenguaje.",
        "Lo siento, mi modelo de lenguaje tarda demasiado en responder.",
        "Lo siento, mi modelo de lenguaje está demasiado ocupado. Inténtalo de nuevo en un momento.",
        "Lo siento, mi modelo de lenguaje me ha rechazado. Revisa su configuración.",
        "Lo siento, algo ha fallado en mi respuesta.",
        "Lo siento, todavía no tengo un modelo de lenguaje. Conecta uno, por favor.",
    ),
}


def phrases(language: str) -> Phrases:
    """Those of a BCP 47 tag's language, English where there are none."""
    return PHRASES.get(language.partition("+")[0].partition("-")[0].lower(), PHRASES["en"])
