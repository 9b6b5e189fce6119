// Calls the group's entry without and with the header; laneVerify.txt is the reference.

import dev.graylane.Arguments

void call(Map args) {
    Arguments checked = new Arguments('laneVerify', [
        group: 'name', namespace: 'name', url: 'url', header: 'header', shows: 'text', count: 'number',
    ], [count: '20'], args)
    laneScript(checked, 'verify')
}
