// Rolls out the gray version of one service and opens its lane; laneDeploy.txt is the reference.

import dev.graylane.Arguments

void call(Map args) {
    Arguments checked = new Arguments('laneDeploy', [
        lane: 'name', group: 'name', namespace: 'name', header: 'header',
        manifest: 'file', container: 'name', image: 'image', rollout: 'duration', timeout: 'duration',
    ], [rollout: '5m', timeout: '2m'], args)
    laneScript(checked, 'deploy')
}
