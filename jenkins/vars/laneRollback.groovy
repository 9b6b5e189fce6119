// Takes a lane back, wherever the release stands; laneRollback.txt is the reference.

import dev.graylane.Arguments

void call(Map args) {
    Arguments checked = new Arguments('laneRollback', [
        lane: 'name', group: 'name', namespace: 'name', timeout: 'duration',
    ], [timeout: '5m'], args)
    // The cluster may be what made the release fail; the rules must go all the same, as soon as it answers.
    retry(3) {
        laneScript(checked, 'rollback')
    }
}
