"""The executor process: runs tasks one after another in one kernel instance. Started by the daemon."""
