#!/bin/sh
# A line copied from a web page: the dashes stand alone, and end the options for iptables.
sudo iptables -A INPUT -p tcp --dport 22 -- -m conntrack --ctstate NEW,ESTABLISHED -j ACCEPT
