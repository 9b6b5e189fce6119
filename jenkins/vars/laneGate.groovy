// Waits for a person to confirm the full release; laneGate.txt is the reference.

import dev.graylane.Arguments

String call(Map args) {
    Arguments checked = new Arguments('laneGate', [
        lane: 'name', group: 'name', submitter: 'people', minutes: 'number',
    ], [minutes: '60'], args)
    List<String> problems = checked.problems()
    if (problems) {
        error(problems.join('\n'))
    }
    String approver = null
    timeout(time: checked.get('minutes').toInteger(), unit: 'MINUTES') {
        approver = input(
            message: "Lane ${checked.get('lane')} of group ${checked.get('group')}: release it to everybody? " +
                'Abort rolls it back.',
            ok: 'Full release',
            submitter: checked.get('submitter'),
            submitterParameter: 'approver',
        )
    }
    echo("full release confirmed by ${approver}")
    return approver
}
