// Package desk is a person's own console: an HTTP server on this machine's loopback interface that holds the person's
// client, and with it the key. It serves the page (package web) and the JSON API that the page talks to (packages
// buyer, bureau, auditor; and what stands beside them). No node serves the page, since a node could serve one that sends it key or
// plaintext; DESK.md has the argument.
//
// Whoever reaches the port is a stranger until it has shown both parts of a session: a cookie, and a key in a header,
// which the page keeps in its origin's own storage. Both are drawn when the desk starts and handed out against the token in
// a link that counts once (gate.go). Before anything else a request's Host has to be the address that is listened on,
// which ends DNS rebinding, and what a browser says of where it comes from has to be this very origin.
//
// Serve returns when its context ends, after what is under way here was ended; at the nodes, queries go on.
package desk
