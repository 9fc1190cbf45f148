// Package founding makes a machine a node, and nodes a cluster, before anything runs.
//
// A node has an identity: the keys in its vault and its card, which is public (Init, Card). Cards
// make a founding (Found, Genesis), which the operators of all seats sign; a node starts with
// nothing less (CheckSigned). The package also names what lies where in a node's directory.
package founding
