"""`tocsin check`: could an emergency be sent now?"""

from dataclasses import asdict

import typer

from notify.cli.commands import Commands, Json
from notify.cli.output import console, print_json
from notify.core.settings import settings
from notify.operations import check as preflight

commands = Commands()
MARKS = {"green": "[green]ok[/]  ", "yellow": "[yellow]note[/]", "red": "[red]RED[/] "}


@commands.named("check")
def check(as_json: Json = False) -> None:
    """Check servers, providers and the network: could an emergency be sent now? Exit code 1: it could not."""
    findings = []
    for finding in preflight.check(settings()):
        findings.append(finding)
        if not as_json:
            took = "" if finding.took_s is None else f" ({finding.took_s * 1000:.0f} ms)"
            console.print(f"{MARKS[finding.state]} {finding.subject}: {finding.said}{took}", soft_wrap=True)
            if finding.todo:
                console.print(f"     {finding.todo}", soft_wrap=True)
    failed = preflight.is_red(findings)
    if as_json:
        print_json({"ready": not failed, "findings": [asdict(finding) for finding in findings]})
    raise typer.Exit(1 if failed else 0)
