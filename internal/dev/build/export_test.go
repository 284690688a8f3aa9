package build

// Console builds the web console's files only.
var Console = console
