// Package news is the publisher's side of the release rule (RELEASE.md section 2.4): it
// holds what is going to be published against what was, and finds out what a version
// declares beside presence. Which entities have news, source by source, and which
// classes equal an earlier version.
//
// A Record is what the publisher keeps of a version: every reading. It never leaves
// the publisher's machine but sealed (package client does that). Find compares the
// record of a new version with those of all comparable earlier sources of the family,
// whatever dataset, grain and unit, by disclosure.FindNews.
//
// Where a record is lost, Find declares nothing of the sources that it is needed for
// and says so (Found.Lost). That is safe: what is not declared is not released anew,
// and earlier figures stay.
//
// Everything is a pure function of what it is given; it reads records only through
// Family.Record. Bytes that Encode did not write are ErrRecord.
package news
