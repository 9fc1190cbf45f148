// Package standard has limits and indices of China's standards for air and surface water: GB
// 3095 (limits of air), HJ 633 (AQI), HJ 663 (composite index) and GB 3838 (classes of surface
// water). The date of the observation decides which edition holds. Each is a table here with
// its source: [T] is the standard's own text, [S] a secondary source.
//
// All is exact: concentrations are fractions in the table's unit, and only what a standard
// rounds is rounded, as it says. The package is pure and knows no query: dates are days as
// 2026-03-01, which compare as texts.
package standard
