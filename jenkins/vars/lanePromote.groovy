// Makes the lane's version the baseline; lanePromote.txt is the reference.

import dev.graylane.Arguments

void call(Map args) {
    Arguments checked = new Arguments('lanePromote', [
        lane: 'name', group: 'name', namespace: 'name', timeout: 'duration', forceConflicts: 'flag',
    ], [timeout: '10m', forceConflicts: 'false'], args)
    // Before the first change: when the build ends in the middle, laneRollback must know that a lane which is
    // gone was not merely never set, but has become the baseline.
    env.GRAYLANE_PROMOTED = checked.get('lane')
    laneScript(checked, 'promote')
}
