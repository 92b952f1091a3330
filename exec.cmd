@rem What npm start says in front of node, where the shell is cmd.exe and has no exec of its own.
@%*
