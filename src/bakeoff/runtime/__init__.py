"""What every stage uses: start-up, files, tables, downloads, parallel work, timings."""
