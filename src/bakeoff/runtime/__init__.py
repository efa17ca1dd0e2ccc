"""What every stage stands on: starting, files, tables, downloads, parallel work, timings."""
