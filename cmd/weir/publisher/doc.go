// Package publisher has the commands of those who publish: datasets and registries. They
// prepare and check on this machine what client sends, and say before and after what can
// be answered of it.
package publisher
