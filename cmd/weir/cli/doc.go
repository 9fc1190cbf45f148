// Package cli is what the commands of weir share: the streams and the global flags, the
// connection to a cluster and its keys, printing as table, JSON or CSV, messages and exit
// statuses, the progress of what takes long, and completion of names by the shell.
//
// stdout carries results only; messages and progress go to stderr, and a progress bar only
// to a terminal. With -o json, stdout has one JSON document in every case, {"error": {…}}
// when something failed. Whatever others wrote is printed with hidden characters as
// escapes.
//
// A command is a *cobra.Command that sets its own group of the help (GroupID) and its own
// completion, and is registered in package main.
package cli
