"""What every package above needs: settings, the database, keys, states, audit, alarms, errors, logs."""
