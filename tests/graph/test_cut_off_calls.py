"""A call that may change something and was cut off by a crash: never made twice, and told."""

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

from graph.agent import Agent
from graph.settings import Settings
from graph.tooling import Given
from tests.graph.calling import SAID, Scripted, call, calls
from toolkit.functions import tool_of

KILLED = textwrap.dedent(
    """
    import os, signal, sys
    from pathlib import Path
    from duograph import Agent, Settings, has_effect

    home, model = sys.argv[1:]

    def pay(amount: int) -> str:
        '''Pay somebody.'''
        with open(f"{home}/paid", "a") as file:
            file.write(f"{amount}\\n")
        os.kill(os.getpid(), signal.SIGKILL)
        return "paid"

    @has_effect("read")
    def balance() -> str:
        '''Tell the balance.'''
        with open(f"{home}/looked", "a") as file:
            file.write("looked\\n")
        return "100"

    if __name__ == "__main__":
        settings = Settings(home=home, reasoning_model=model, consent="allow")
        with Agent(settings, tools=[pay, balance]) as agent:
            agent.ask("Pay ten", thread_id="t")
    """
)


def test_what_a_killed_process_may_have_changed_is_not_changed_again(
    script: Scripted, tmp_path: Path
) -> None:
    model = script("killed", [calls(call("balance", "a"), call("pay", "b", amount=10)), SAID])
    program = tmp_path / "killed.py"
    program.write_text(KILLED)
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    done = subprocess.run([sys.executable, program, tmp_path, model], env=environment, check=False)
    assert done.returncode == -signal.SIGKILL
    assert (tmp_path / "paid").read_text() == "10\n"

    def pay(amount: int) -> str:
        """Pay somebody."""
        with (tmp_path / "paid").open("a") as file:
            file.write(f"{amount}\n")
        return "paid"

    def balance() -> str:
        """Tell the balance."""
        return "90"

    rest = script("rest", [calls(call("pay", "c", amount=20)), SAID])
    tools: list[Given] = [pay, tool_of(balance, effect="read")]
    with Agent(Settings(home=tmp_path, reasoning_model=rest, consent="allow"), tools=tools) as agent:
        result = agent.resume("t")
    # What the rest of the turn asks for is new, and made.
    assert (tmp_path / "paid").read_text() == "10\n20\n"
    assert [use.outcome for use in result.tool_uses] == ["ok", "uncertain", "ok"]
    assert "may have been made" in result.tool_uses[1].excerpt
    assert 'they may have been made: `pay({"amount": 10})`.' in result.notes[0]
