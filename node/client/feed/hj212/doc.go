// Package hj212 reads and writes the frames of HJ 212: how devices that watch pollution tell
// a monitoring centre what they measured, over TCP.
//
//	##0101QN=…;ST=32;CN=2011;PW=123456;MN=…;Flag=5;CP=&&DataTime=…;a21026-Rtd=1.1,a21026-Flag=N&&1C80<CR><LF>
//
// A Decoder takes the bytes of a connection as they come, in whatever pieces, and gives the
// frames that are whole: garbage between them, half a frame and a wrong length cost no frame
// that is whole. A frame is whole where its length, its check and its end agree. What is not
// as the standard has it is a fault, counted by kind; a lenient decoder takes some of it, and
// counts that by kind as well. Nothing is ever taken in silence, and no bytes make it panic.
//
// Sources: HJ 212-2017 sections 6.3 (frames), 6.6 (commands) and annex A (the check, with its
// example); HJ 212-2025 by what others quote of its sections 6.3.2, 6.3.3, 6.4.2, tables 2, 3
// and 12 and annex A: ../FEED.md says what of it was not seen.
package hj212
