#!/bin/sh
# Flushing: one chain, then all of the table's chains. Policies stay as they are.
sudo iptables -P INPUT DROP
sudo iptables -A INPUT -i lo -j ACCEPT
sudo iptables -A OUTPUT -o lo -j ACCEPT
sudo iptables -N TCP
sudo iptables -A TCP -p tcp --dport 22 -j ACCEPT
sudo iptables -F INPUT
sudo iptables -S
sudo iptables -F
sudo iptables -S
