// Package operator is what a desk does for those who look after nodes: how every node is and what it waits for, keys
// and their ceremonies node by node, the roster and what is proposed, organisations and their admission, backups, and
// whether the nodes' logs agree. It says what `weir operator status` and its siblings say, by the same client code.
//
// Nodes tell how they are to operators alone. A desk with another key is told so, and asks nothing more.
package operator
