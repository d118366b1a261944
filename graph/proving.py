"""The verifier that the settings describe; needs nothing of LangGraph."""

from graph.settings import Settings
from sandbox import Limits, Verifier, open_sandbox


async def open_verifier(settings: Settings) -> Verifier:
    """Choose a sandbox, let it pass its self-test, and give a verifier that uses it.

    Without a sandbox that holds, the verifier executes nothing and says why.
    """
    packages = [str(folder.resolve()) for folder in settings.sandbox_packages]
    sandbox = await open_sandbox(settings.sandbox, packages=packages, image=settings.sandbox_image)
    return Verifier(sandbox, limits=Limits(wall_s=settings.verify_timeout_s), packages=packages)
