// Package bureau is what a desk does for those who publish: it shows the orders that came and what each would allow, grants
// and refuses them, takes files in, says what is wrong with them and what could be answered of them, publishes them, and
// shows what became of one's datasets and feeds. Its routes are by one person on one machine (Routes); who may call
// them is package desk's.
//
// What a person is about to publish is a Draft: files, mends of their cells, and a descriptor. The files are in a private
// directory that is removed when the desk ends (files.go); mends are laid over them while they are read, and change no
// file (mend.go). Checking and publishing are work of the process, not of the page that began it (work.go). Readings
// leave this machine as package publish sends them: encrypted.
//
// Close ends what is under way and removes the files.
package bureau
